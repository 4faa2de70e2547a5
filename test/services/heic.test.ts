import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FORM_TYPE, photoForm } from '../fixtures/http.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { type TrialServer, trialServer } from '../http/trial-server.ts'
import { sum } from '../metrics/series.ts'
import { program } from './program.ts'

const ENCODE = `import sys, pillow_heif
from PIL import Image
pillow_heif.register_heif_opener()
Image.open(sys.argv[1]).save(sys.argv[2])`

const folder = mkdtempSync(join(tmpdir(), 'diffiqa-heic-'))
let server: TrialServer
let heic: Buffer
let avif: Buffer
beforeAll(async () => {
  writeFileSync(join(folder, 'face.jpg'), await sampleFace('f'))
  const encode = (name: string): Buffer => {
    execFileSync(program('heif-python', 'heif'), ['-c', ENCODE, join(folder, 'face.jpg'), join(folder, name)])
    return readFileSync(join(folder, name))
  }
  ;[heic, avif] = [encode('face.heic'), encode('face.avif')]
  server = await trialServer({ deadlineMs: 20_000 })
})
afterAll(async () => {
  await server?.close()
  rmSync(folder, { recursive: true })
})

describe('G01: a real HEVC photo', () => {
  it.each(['image/jpeg', 'image/heic'])('sent as %s: 415 that says what to send, and no harm done', async (type) => {
    const answers = [
      await server.send('/raw', heic, { type }),
      await server.send('/m', photoForm(heic), { type: FORM_TYPE }),
    ]
    for (const { status, json } of answers) {
      expect([status, json.code]).toEqual([415, 'unsupported-media-type'])
      expect(json.detail).toContain('HEIC')
      expect(json.detail).toContain('convert HEIC to JPEG')
    }
    expect(server.matched).toEqual([])
    expect(sum(await server.metrics(), 'diffiqa_worker_restarts_total')).toBe(0)
  })

  it('as AVIF, by the same library, it is scored', async () => {
    const { status, json } = await server.send('/raw', avif)
    expect([status, json.candidate]).toEqual([200, 'somebody'])
  })
})
