import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Input } from '../../src/cli/inputs.ts'
import { type ScoreFilesOptions, scoreFiles } from '../../src/cli/score-files.ts'
import type { ScoredFile } from '../../src/cli/scored-file.ts'
import { DiffiqaError, type ErrorCode } from '../../src/errors.ts'
import type { Assessment, AssessOptions } from '../../src/gate/types.ts'
import { assessment, fastVerdict } from './assessment.ts'

const root = mkdtempSync(join(tmpdir(), 'diffiqa-files-'))
afterAll(() => rmSync(root, { recursive: true }))
const paths = ['0', '1', '2', '3'].map((name) => join(root, name))
for (const path of paths) writeFileSync(path, path)

async function* inputs(): AsyncGenerator<Input> {
  for (const path of paths) yield { path }
}

/** Scores the four files with a gate that answers as told: by the file's name. */
async function run(
  answer: (name: string) => Assessment,
  options: Partial<ScoreFilesOptions> = {},
): Promise<{ scored: ScoredFile[]; asked: AssessOptions[] }> {
  const asked: AssessOptions[] = []
  const gate = {
    manifest: { modelVersion: 'm1' },
    async assess(bytes: Uint8Array, assessOptions: AssessOptions): Promise<Assessment> {
      asked.push(assessOptions)
      return answer(Buffer.from(bytes).toString().slice(-1))
    },
  } as unknown as ScoreFilesOptions['gate']
  const scored: ScoredFile[] = []
  const { signal } = new AbortController()
  for await (const one of scoreFiles(inputs(), { gate, jobs: 2, purpose: 'probe', full: false, signal, ...options }))
    scored.push(one)
  return { scored, asked }
}

const fine = () => assessment(fastVerdict)
const failing = (code: ErrorCode) => (name: string) => {
  if (name === '1') throw new DiffiqaError(code)
  return fine()
}

describe('scoreFiles', () => {
  test('asks for all faces, and for crops only where they are written', async () => {
    const plain = await run(fine)
    expect(plain.asked[0]).toMatchObject({ faces: 'all', purpose: 'probe', full: false, crops: false })
    const { asked, scored } = await run(fine, { full: true, writeCrops: async (file) => [`${file}.png`] })
    expect(asked[0]).toMatchObject({ full: true, crops: true })
    expect(scored[0]).toMatchObject({ records: [{ crop: `${paths[0]}.png` }] })
  })

  test.each(['no-face', 'worker-crashed', 'invalid-model-output', 'deadline-exceeded'] as const)(
    '%s concerns one file',
    async (code) => {
      const { scored } = await run(failing(code))
      expect(scored.map(({ file, problem }) => [file, problem?.code])).toEqual(
        paths.map((path, i) => [path, i === 1 ? code : undefined]),
      )
    },
  )

  test.each(['model-integrity', 'gate-closed', 'native-module-missing'] as const)('%s ends the work', async (code) => {
    await expect(run(failing(code))).rejects.toMatchObject({ code })
  })

  test('crops that cannot be written end the work, and are not blamed on the photo', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' })
    await expect(run(fine, { writeCrops: () => Promise.reject(full) })).rejects.toBe(full)
  })

  test('a refusal keeps its advice', async () => {
    const reasons = [{ code: 'too_small', advice: 'Move closer' }]
    const { scored } = await run(() => {
      throw new DiffiqaError('face-too-small', undefined, { details: { reasons } })
    })
    expect(scored[0]?.problem).toMatchObject({ code: 'face-too-small', reasons })
  })
})
