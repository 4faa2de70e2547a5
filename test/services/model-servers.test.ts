import { execFileSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadManifest } from '../../src/inference/manifest-file.ts'
import { OipServer } from '../../src/inference/remote/oip-server.ts'
import { openInference } from '../../src/inference/remote/open-inference.ts'
import { testGate } from '../fixtures/gate.ts'
import { remoteGateSuite } from '../fixtures/remote-gate-suite.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'
import { exported, ModelServer } from './model-server.ts'
import { program } from './program.ts'

remoteGateSuite('KServe', () => ModelServer.open('kserve'))
remoteGateSuite('MLServer', () => ModelServer.open('mlserver'))

describe.each([
  ['kserve', 'binary'],
  ['mlserver', 'json'],
] as const)('%s with a damaged regressor', (kind, encoding) => {
  let server: ModelServer
  beforeAll(async () => {
    server = await ModelServer.open(kind, (folder) => {
      const file = join(folder, 'diffiqa-regressor', 'model.onnx')
      const bytes = readFileSync(file)
      // Some weights become zero: the network still loads.
      const from = Math.floor(bytes.length * 0.75)
      writeFileSync(file, bytes.fill(0, from, from + 65_536))
    })
  })
  afterAll(() => server?.[Symbol.asyncDispose]())

  test('is found out at the start', async () => {
    const { models, ...options } = openInference({ url: server.url })
    await expect(testGate({ inference: { models, ...options } })).rejects.toMatchObject({
      code: 'model-incompatible',
      details: { model: 'regressor' },
    })
  })

  test(`is still good for full DifFIQA, with tensors as ${encoding}`, async () => {
    const { selfTest } = await loadManifest()
    const { models, headers, tls, timeoutMs, maxBatch, urls } = openInference({
      url: server.url,
      models: { embedder: 'diffiqa-embedder', denoiser: 'diffiqa-denoiser' },
    })
    const url = urls[0] as URL
    const far = new OipServer({ url, headers, tls, connections: 1, models, selfTest, maxBatch, timeoutMs })
    await far.prove()
    expect(far).toMatchObject({ usable: true, encoding })
    far.close()
  })

  test('does not have other models', async () => {
    const inference = openInference({ url: server.url, models: { embedder: 'no-such-model' } })
    await expect(testGate({ inference })).rejects.toMatchObject({
      code: 'inference-refused',
      details: { httpStatus: 404, model: 'no-such-model' },
    })
  })
})

describe.each(['kserve', 'mlserver'] as const)('%s that is stopped in the middle', (kind) => {
  let server: ModelServer
  beforeAll(async () => {
    server = await ModelServer.open(kind)
  })
  afterAll(() => server?.[Symbol.asyncDispose]())

  // Patient: on a busy machine an honest answer takes seconds, and it is the stopped server that is to be noticed.
  test('costs its calls their time-out, then nobody waits for it, and it is taken back', {
    timeout: 240_000,
  }, async () => {
    const inference = openInference({ url: server.url, timeoutMs: 15_000 })
    await using gate = await testGate({
      inference,
      workers: 4,
      deadlineMs: 120_000,
      watchdogMs: 120_000,
      startTimeoutMs: 120_000,
    })
    const photos = await Promise.all((['a', 'c', 'e', 'f'] as const).map(sampleFace))
    const photo = photos[3] as Buffer
    const before = await gate.assess(photo)
    server.stop()
    // As many calls at once as open the circuit breaker, so that one time-out is enough.
    const lost = await Promise.allSettled(photos.map((one) => gate.assess(one)))
    for (const result of lost)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'inference-unavailable', status: 503 } })
    expect(gate.ready).toBe(false)
    expect(() => gate.admit()).toThrow(
      expect.objectContaining({ code: 'inference-unavailable', retryAfterSeconds: expect.any(Number) }),
    )
    server.goOn()
    await expect.poll(() => gate.ready, { timeout: 120_000, interval: 100 }).toBe(true)
    const after = await gate.assess(photo)
    expect(after.verdict.decision).toBe(before.verdict.decision)
    expect(after.verdict.fast?.value).toBeCloseTo(before.verdict.fast?.value as number, 3)
  })
})

/** Prints each file that is no model configuration; Triton's own definition, without the rest of its client. */
const READ_CONFIGS = `
import glob, importlib.util, sys, sysconfig
from google.protobuf import json_format, text_format
place = sysconfig.get_paths()["purelib"] + "/tritonclient/grpc/model_config_pb2.py"
spec = importlib.util.spec_from_file_location("model_config_pb2", place)
definition = importlib.util.module_from_spec(spec)
spec.loader.exec_module(definition)
for file in sorted(glob.glob(sys.argv[1] + "/*/config.pbtxt")):
    print(json_format.MessageToJson(text_format.Parse(open(file).read(), definition.ModelConfig()), indent=None))
`

test("Triton's folder has configurations as Triton defines them", async () => {
  const folder = await exported('triton')
  try {
    const printed = execFileSync(program('kserve-python', 'kserve'), ['-c', READ_CONFIGS, folder], { encoding: 'utf8' })
    const configs = printed
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(configs.map(({ name }) => name)).toEqual(['diffiqa-denoiser', 'diffiqa-embedder', 'diffiqa-regressor'])
    for (const config of configs) {
      expect(config).toMatchObject({ platform: 'onnxruntime_onnx', maxBatchSize: 16, dynamicBatching: {} })
      for (const { dataType } of [...config.input, ...config.output]) expect(dataType).toBe('TYPE_FP32')
    }
    expect(configs[0].input).toEqual([
      { name: 'x', dataType: 'TYPE_FP32', dims: ['3', '112', '112'] },
      { name: 't', dataType: 'TYPE_FP32', dims: ['1'], reshape: {} },
    ])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
