import { describe, expect, it } from 'vitest'
import { faceQuality } from '../../src/plugin/face-quality.ts'
import { metricsHandler } from '../../src/plugin/metrics-handler.ts'
import { resolveOptions } from '../../src/plugin/options.ts'
import { readyHandler } from '../../src/plugin/ready-handler.ts'
import { base64, dataUrl, multipart, raw } from '../../src/plugin/sources.ts'
import { scriptedGate } from '../fixtures/scripted-gate.ts'

describe('the options of faceQuality()', () => {
  it('are complete, frozen and as documented', () => {
    const options = resolveOptions()
    expect(Object.isFrozen(options)).toBe(true)
    expect(options).toMatchObject({
      maxBytes: 8_388_608,
      faces: 'one',
      purpose: 'probe',
      uploadTimeoutMs: 10_000,
      headers: false,
      onReject: 'respond',
    })
    expect(resolveOptions({ maxBytes: 5, headers: true })).toMatchObject({ maxBytes: 5, headers: true, faces: 'one' })
  })

  it.each([
    [{ maxBites: 1 }, 'maxBites', /did you mean "maxBytes"/],
    [{ maxBytes: 0 }, 'maxBytes', /maxBytes/],
    [{ maxBytes: '8mb' }, 'maxBytes', /maxBytes/],
    [{ maxPixels: 1.5 }, 'maxPixels', /maxPixels/],
    [{ deadlineMs: Number.NaN }, 'deadlineMs', /deadlineMs/],
    [{ uploadTimeoutMs: Number.POSITIVE_INFINITY }, 'uploadTimeoutMs', /uploadTimeoutMs/],
    [{ faces: 'two' }, 'faces', /"one", "largest", "all"/],
    [{ purpose: 'enrollment' }, 'purpose', /enrolment/],
    [{ mode: 'off' }, 'mode', /shadow/],
    [{ onFailure: 'open' }, 'onFailure', /pass/],
    [{ headers: 1 }, 'headers', /headers/],
    [{ onReject: 'throw' }, 'onReject', /respond/],
    [{ from: 'photo' }, 'from', /multipart\("photo"\)/],
  ])('are refused at once: %j', (options, option, message) => {
    const make = () => faceQuality(scriptedGate(), options as never)
    expect(make).toThrow(message)
    expect(make).toThrow(expect.objectContaining({ code: 'invalid-option', details: { option } }))
  })

  it('treat undefined as not given', () => {
    expect(resolveOptions({ maxBytes: undefined, faces: undefined } as never)).toEqual(resolveOptions())
  })

  it('need a gate, not the promise of one', () => {
    for (const make of [faceQuality, metricsHandler, readyHandler])
      expect(() => make(Promise.resolve(scriptedGate()) as never)).toThrow(/await/)
  })

  it.each([multipart, base64, dataUrl])('need a field for %o', (source) => {
    expect(() => source('')).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    expect(() => source(undefined as never)).toThrow(expect.objectContaining({ code: 'invalid-option' }))
    expect(typeof source('photo')).toBe('function')
    expect(typeof raw()).toBe('function')
  })
})
