import sharp from 'sharp'
import { expect, test } from 'vitest'
import { openInference } from '../../src/inference/remote/open-inference.ts'
import { testGate } from '../fixtures/gate.ts'
import { OipTestServer } from '../fixtures/oip-server.ts'
import { remoteGateSuite } from '../fixtures/remote-gate-suite.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'

remoteGateSuite('a server with binary tensors', () => OipTestServer.open({ columns: true }))

test('no photo leaves the process: nothing but the tensors of aligned faces does', async () => {
  await using server = await OipTestServer.open()
  const gate = await testGate({ deadlineMs: 60_000, inference: openInference({ url: server.url }) })
  try {
    const photo = await sharp(await sampleFace('f'))
      .withExif({ IFD0: { Artist: 'CANARY-7f3a9d' } })
      .jpeg()
      .toBuffer()
    server.seen.length = 0
    await gate.assess({ bytes: photo, id: 'CANARY-7f3a9d' }, { full: true })
  } finally {
    await gate.close()
  }
  const models = new Set(server.calls.map(({ path }) => path))
  expect([...models].sort()).toEqual(
    ['denoiser', 'embedder', 'regressor'].map((name) => `/v2/models/diffiqa-${name}/infer`),
  )
  expect(server.seen).toEqual(server.calls)
  for (const { headers, head } of server.calls) {
    const inputs = head?.inputs ?? []
    for (const { name, shape } of inputs) {
      const [rows, ...rest] = shape
      expect(rows).toBeLessThanOrEqual(8)
      expect([name, rest]).toEqual(name === 't' ? ['t', []] : [expect.stringMatching(/^(face|x|data)$/), [3, 112, 112]])
    }
    // Behind the head there is room for the numbers of these tensors, and for nothing else.
    const numbers = inputs.reduce((sum, { shape }) => sum + shape.reduce((product, dim) => product * dim, 1), 0)
    const bytes = Number(headers['content-length']) - Number(headers['inference-header-content-length'])
    expect(bytes).toBe(4 * numbers)
    expect(JSON.stringify([headers, head])).not.toContain('CANARY')
    expect(Object.keys(head ?? {}).sort()).toEqual(['inputs', 'outputs'])
  }
})
