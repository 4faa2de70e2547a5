import { describe, expect, test } from 'vitest'
import { resolveOptions } from '../../src/gate/options.ts'
import { type OpenInferenceOptions, openInference } from '../../src/inference/remote/open-inference.ts'

const invalid = (option: string) => expect.objectContaining({ code: 'invalid-option', details: { option } })

describe('openInference()', () => {
  test('fills in what is left out', () => {
    const { urls, ...rest } = openInference({ url: 'https://models.example/path/' })
    expect(urls.map(({ href }) => href)).toEqual(['https://models.example/path/'])
    expect(rest).toEqual({
      kind: 'open-inference',
      models: { embedder: 'diffiqa-embedder', denoiser: 'diffiqa-denoiser', regressor: 'diffiqa-regressor' },
      headers: {},
      tls: {},
      timeoutMs: 5000,
      maxConcurrent: 4,
      maxBatch: 8,
    })
  })

  test.each<[string, Record<string, unknown>]>([
    ['url', { url: 'models.example' }],
    ['url', { url: 'ftp://models.example' }],
    ['url', { url: 'http://user:secret@models.example' }],
    ['url', { url: 'http://models.example/?key=1' }],
    ['url', { url: [] }],
    ['url', { url: ['http://a.example', 'http://a.example/'] }],
    ['url', { url: 7 }],
    ['url', {}],
    ['models', { url: 'http://a.example', models: {} }],
    ['models', { url: 'http://a.example', models: { regressor: '' } }],
    ['detector', { url: 'http://a.example', models: { detector: 'd' } }],
    ['headers', { url: 'http://a.example', headers: { authorization: 'a\nb' } }],
    ['pfx', { url: 'http://a.example', tls: { pfx: 'x' } }],
    ['timeoutMs', { url: 'http://a.example', timeoutMs: 0 }],
    ['maxConcurrent', { url: 'http://a.example', maxConcurrent: 1.5 }],
    ['maxBatch', { url: 'http://a.example', maxBatch: 7 }],
    ['maxBatch', { url: 'http://a.example', maxBatch: 65 }],
    ['retries', { url: 'http://a.example', retries: 3 }],
  ])('refuses a wrong %s: %j', (option, options) => {
    expect(() => openInference(options as unknown as OpenInferenceOptions)).toThrow(invalid(option))
  })

  test('never repeats a secret in its message', () => {
    for (const options of [
      { url: 'http://user:hush@models.example' },
      { url: 'http://a.example', headers: { authorization: 'Bearer hush\u0000' } },
    ]) {
      expect(() => openInference(options)).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining('hush') }),
      )
    }
  })

  test('is the third kind of inference a gate knows, with more threads, since they wait', () => {
    const inference = openInference({ url: 'http://a.example' })
    expect(resolveOptions({ inference }, 3)).toMatchObject({ inference, workers: 6, maxQueue: 192 })
    expect(resolveOptions({ inference, workers: 1 }, 3).workers).toBe(1)
    expect(() => resolveOptions({ inference: { url: 'http://a.example' } as never })).toThrow(invalid('inference'))
  })
})
