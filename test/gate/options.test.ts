import { describe, expect, test } from 'vitest'
import { type GateOptions, resolveOptions } from '../../src/gate/options.ts'

describe('resolveOptions', () => {
  test('every default', () => {
    expect(resolveOptions({}, 4)).toEqual({
      policy: 'balanced',
      thresholds: {},
      mode: 'enforce',
      onFailure: 'reject',
      preset: 'tuned',
      deadlineMs: 2000,
      maxPixels: 50_000_000,
      minInterEye: 13,
      escalationBudget: undefined,
      cache: undefined,
      inference: 'workers',
      workers: 4,
      maxQueue: 128,
      maxFull: 3,
      watchdogMs: 10_000,
      startTimeoutMs: 30_000,
      maxWorkerHeapMb: undefined,
      modelsDir: undefined,
    })
  })

  test('is frozen, leaves its argument alone, and takes undefined for the default', () => {
    const given = Object.freeze({ cache: true, workers: undefined, preset: 'paper' } as const)
    const resolved = resolveOptions(given, 2)
    expect(Object.isFrozen(resolved)).toBe(true)
    expect(resolved).toMatchObject({ workers: 2, watchdogMs: 60_000, cache: { maxEntries: 1000, ttlMs: 600_000 } })
  })

  test.each<[GateOptions, string, RegExp]>([
    [{ polcy: 'strict' } as GateOptions, 'polcy', /did you mean "policy"/],
    [{ deadlinems: 10 } as GateOptions, 'deadlinems', /did you mean "deadlineMs"/],
    [{ somethingElse: 1 } as GateOptions, 'somethingElse', /known are policy, thresholds/],
    [{ policy: 'harsh' as never }, 'policy', /"lenient", "balanced", "strict"/],
    [{ mode: 'off' as never }, 'mode', /"enforce"/],
    [{ onFailure: 'ignore' as never }, 'onFailure', /"reject", "pass"/],
    [{ preset: 'fast' as never }, 'preset', /"tuned"/],
    [{ inference: 'gpu' as never }, 'inference', /"workers"/],
    [{ deadlineMs: 0 }, 'deadlineMs', /from 1/],
    [{ deadlineMs: Number.NaN }, 'deadlineMs', /a number/],
    [{ deadlineMs: '2000' as never }, 'deadlineMs', /a number/],
    [{ workers: 1.5 }, 'workers', /whole number/],
    [{ workers: 0 }, 'workers', /from 1/],
    [{ escalationBudget: 20 }, 'escalationBudget', /from 0 to 1/],
    [{ cache: { ttl: 5 } as never }, 'cache.ttl', /did you mean "ttlMs"/],
    [{ cache: { maxEntries: 0 } }, 'cache.maxEntries', /whole number/],
    [{ cache: 5 as never }, 'cache', /object/],
    [{ thresholds: { probe: { rejectBelow: 2 } } }, 'thresholds.probe.rejectBelow', /from 0 to 1/],
    [{ thresholds: [] as never }, 'thresholds', /object/],
    [{ modelsDir: 5 as never }, 'modelsDir', /path/],
    [null as never, 'options', /object/],
  ])('%j is refused by name', (options, option, message) => {
    let thrown: unknown
    try {
      resolveOptions(options, 2)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toMatchObject({ name: 'DiffiqaError', code: 'invalid-option', details: { option } })
    expect((thrown as Error).message).toMatch(message)
  })
})
