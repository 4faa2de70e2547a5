import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { createProbe } from '../../src/adapters/probe.ts'
import { assessmentOf, probeOf, verdictOf } from '../fixtures/probes.ts'
import { sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'

describe('createProbe', () => {
  it('makes each shape once and when it is asked for', async () => {
    const probe = await probeOf(await sampleFace('f'))
    expect(await probe.rgb()).toBe(await probe.rgb())
    expect(await probe.jpeg()).toBe(await probe.jpeg())
    expect(probe.base64()).toBe(probe.base64())
  })

  it('gives the uploaded bytes, also as base64, from the middle of a larger buffer', async () => {
    const photo = await sampleFace('f')
    const view = new Uint8Array(Buffer.concat([Buffer.alloc(7), photo, Buffer.alloc(5)]).buffer).subarray(7)
    const bytes = view.subarray(0, photo.length)
    const probe = createProbe(bytes, await assessmentOf(photo))
    expect(probe.photo).toBe(bytes)
    expect(Buffer.from(probe.base64(), 'base64').equals(photo)).toBe(true)
  })

  it('cuts the face out with room around it and without metadata', async () => {
    const photo = await sharp(samplePhoto(3))
      .withExif({ IFD0: { Copyright: 'CANARY' } })
      .jpeg()
      .toBuffer()
    const probe = await probeOf(photo)
    const jpeg = await probe.jpeg()
    const { width, height, format, exif } = await sharp(jpeg).metadata()
    const { box } = probe.face
    expect(format).toBe('jpeg')
    expect(exif).toBeUndefined()
    expect(width).toBeGreaterThan(box.width * 1.5)
    expect(width).toBeLessThanOrEqual(Math.ceil(box.width * 2) + 1)
    expect(height).toBeLessThanOrEqual(Math.ceil(box.height * 2) + 1)
    expect(Buffer.from(jpeg).includes('CANARY')).toBe(false)
  })

  it('gives upright pixels of a photo that lies on its side', async () => {
    const upright = await sampleFace('c')
    const sideways = await sharp(upright).rotate(90).withMetadata({ orientation: 8 }).jpeg().toBuffer()
    const { width, height, data } = await (await probeOf(sideways)).rgb()
    expect([width, height, data.length]).toEqual([480, 560, 480 * 560 * 3])
  })

  it('belongs to the face of the verdict that counts', async () => {
    const photo = samplePhoto(6)
    const assessment = await assessmentOf(photo)
    expect(assessment.verdicts.length).toBeGreaterThan(1)
    const verdict = assessment.verdicts[1] as (typeof assessment.verdicts)[number]
    const probe = createProbe(photo, { ...assessment, verdict })
    expect(probe.face).toBe(assessment.faces[1])
    expect(probe.aligned).toBe(assessment.aligned[1])
  })

  it('gives the whole photo where no face is known, and says what is missing', async () => {
    const photo = await sampleFace('c')
    const verdict = verdictOf({ degraded: true, failure: 'worker-crashed', score: undefined })
    const probe = createProbe(photo, { verdict, verdicts: [verdict], faces: [], aligned: [], photo: undefined })
    const { width, height } = await sharp(await probe.jpeg()).metadata()
    expect([width, height]).toEqual([480, 560])
    expect(() => probe.face).toThrow(expect.objectContaining({ code: 'scoring-failed' }))
    expect(() => probe.aligned).toThrow(expect.objectContaining({ code: 'scoring-failed' }))
  })

  it('fails with a typed error for a file that cannot be read, and again when asked again', async () => {
    const bytes = readFileSync('package.json')
    const probe = createProbe(bytes, await assessmentOf(await sampleFace('c')))
    for (const _ of [1, 2]) await expect(probe.jpeg()).rejects.toMatchObject({ code: 'unsupported-media-type' })
  })
})
