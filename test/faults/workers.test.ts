import { afterEach, describe, expect, it } from 'vitest'
import type { Answer } from '../fixtures/http.ts'
import { until } from '../fixtures/http.ts'
import { rawClient } from '../fixtures/raw-client.ts'
import { changes } from './changes.ts'
import { type FaultServer, faultServer, type Plan } from './fault-server.ts'

let server: FaultServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})
const open = async (...options: Parameters<typeof faultServer>): Promise<FaultServer> => {
  server = await faultServer(...options)
  return server
}

/** What a photo without fault counts. */
const GOOD = { 'verdicts accept': 1, 'requests accept': 1, 'matcher_calls ok': 1 }

/** A photo that got no verdict is kept from the matcher. */
const KEPT = { 'requests error': 1, 'matcher_calls withheld': 1 }
const SHED = { 'requests shed': 1, 'matcher_calls withheld': 1 }

/** What `act` answers and counts; the next photo, sent at once, is judged and matched. */
async function fault<T>(faults: FaultServer, act: () => Promise<T>): Promise<{ result: T; told: object }> {
  const before = await faults.metrics()
  const result = await act()
  const after = await faults.metrics()
  const { status, json } = await faults.send('/raw')
  expect([status, json.candidate]).toEqual([200, 'somebody'])
  expect(changes(after, await faults.metrics())).toEqual(GOOD)
  return { result, told: changes(before, after) }
}

const of = ({ status, json, headers }: Answer) => [status, json.code, headers['retry-after'] !== undefined]

describe('a worker', () => {
  it.each<[string, Plan, string]>([
    ['exits', { do: 'exit' }, 'crash'],
    ['hangs', { do: 'hang' }, 'watchdog'],
    ['runs out of memory', { do: 'allocate' }, 'memory'],
  ])('that %s: 503 for its photo alone, and the next one is judged', async (_, plan, reason) => {
    const faults = await open(
      { watchdogMs: 1500 },
      { resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 8 } },
    )
    const { result, told } = await fault(faults, () => faults.send('/raw', plan))
    expect(of(result)).toEqual([503, 'worker-crashed', true])
    expect(told).toEqual({ ...KEPT, 'errors worker-crashed': 1, [`worker_restarts ${reason}`]: 1 })
  })

  it('that dies lets the photo through where the route says so', async () => {
    const faults = await open()
    const { result, told } = await fault(faults, () => faults.send('/pass', { do: 'exit' }))
    expect(result).toMatchObject({ status: 200, json: { candidate: 'somebody', degraded: true } })
    expect(told).toEqual({ degraded: 1, 'requests degraded': 1, 'worker_restarts crash': 1, 'matcher_calls ok': 1 })
  })

  it.each<[string, Plan, string]>([
    ['throws', { do: 'throw' }, 'scoring-failed'],
    ['answers with NaN', { say: 'nan' }, 'invalid-model-output'],
    ['answers with half of what it should', { say: 'nothing' }, 'scoring-failed'],
  ])('that %s: 500, and goes on', async (_, plan, code) => {
    const faults = await open()
    const { result, told } = await fault(faults, () => faults.send('/raw', plan))
    expect(of(result)).toEqual([500, code, false])
    expect(result.json).not.toHaveProperty('score')
    expect(told).toEqual({ ...KEPT, [`errors ${code}`]: 1 })
  })
})

describe('too little time', () => {
  it('in a worker: 504', async () => {
    const faults = await open()
    const { result, told } = await fault(faults, () => faults.send('/short', { ms: 1000 }))
    expect(of(result)).toEqual([504, 'deadline-exceeded', false])
    expect(told).toEqual({ ...KEPT, 'errors deadline-exceeded': 1 })
  })

  it('in the queue: 504, turned away, never run', async () => {
    const faults = await open()
    const { result, told } = await fault(faults, async () => {
      const running = faults.send('/raw', { ms: 1500 })
      await until(() => faults.gate.stats().workers.busy === 1)
      const late = await faults.send('/short', { do: 'exit' })
      return [late, await running] as const
    })
    const [late, running] = result
    expect([late.status, late.json.code, running.status]).toEqual([504, 'deadline-exceeded', 200])
    expect(told).toEqual({ ...GOOD, ...SHED, 'shed deadline': 1 })
  })
})

describe('too many photos', () => {
  it('for the fast score: 503 with Retry-After before the body is read', async () => {
    const faults = await open({ maxQueue: 1 })
    const { result, told } = await fault(faults, async () => {
      const taken = [faults.send('/raw', { ms: 1000 })]
      await until(() => faults.gate.stats().workers.busy === 1)
      taken.push(faults.send('/raw'))
      await until(() => faults.gate.stats().queue.fast.depth === 1)
      const refused = await faults.send('/raw')
      await Promise.all(taken)
      return refused
    })
    expect(of(result)).toEqual([503, 'queue-full', true])
    expect(result.headers.connection).toBe('close')
    expect(told).toEqual({
      ...SHED,
      'shed queue_full': 1,
      'verdicts accept': 2,
      'requests accept': 2,
      'matcher_calls ok': 2,
    })
  })

  it('for full DifFIQA: the fast score stands', async () => {
    const faults = await open({ workers: 2, maxFull: 1, escalationBudget: 1 }, { maxFullQueue: 0 })
    faults.breakFull('none', 1000)
    const { result, told } = await fault(faults, async () => {
      const looked = faults.send('/raw', { say: 'uncertain' })
      await until(() => faults.gate.stats().workers.busy === 1)
      // Another photo, or both would be one.
      const skipped = await faults.send('/raw', { say: 'uncertain', ms: 1 })
      return [skipped.json.escalation, (await looked).json.escalation]
    })
    expect(result).toEqual(['skipped-budget', 'overturned'])
    expect(told).toMatchObject({ 'escalations skipped_budget': 1, 'escalations overturned': 1, 'matcher_calls ok': 2 })
  })
})

describe('full DifFIQA that cannot be had', () => {
  it.each(['/raw', '/pass'])('leaves the fast score, whatever onFailure says: %s', async (path) => {
    const faults = await open({ workers: 2, maxFull: 1, escalationBudget: 1, watchdogMs: 1500 })
    for (const [how, escalation, counted] of [
      ['throw', 'failed', {}],
      ['exit', 'failed', { 'worker_restarts crash': 1 }],
      ['hang', 'failed', { 'worker_restarts watchdog': 1 }],
    ] as const) {
      faults.breakFull(how)
      const { result, told } = await fault(faults, () => faults.send(path, { say: 'uncertain' }))
      expect([how, result.status, result.json]).toEqual([
        how,
        200,
        { candidate: 'somebody', degraded: false, escalation },
      ])
      expect(told).toEqual({
        'verdicts down_weight': 1,
        'requests down_weight': 1,
        'escalations failed': 1,
        'matcher_calls ok': 1,
        ...counted,
      })
    }
  })
})

describe('the matcher', () => {
  it('that throws: 502, and the gate goes on', async () => {
    const faults = await open()
    faults.matcher = async () => {
      faults.matcher = async () => {}
      throw new Error('secret of the matcher')
    }
    const { result, told } = await fault(faults, () => faults.send('/raw'))
    expect(of(result)).toEqual([502, 'matcher-failed', false])
    expect(result.text).not.toContain('secret')
    expect(told).toEqual({ ...GOOD, 'matcher_calls ok': undefined, 'matcher_calls error': 1 })
  })

  it('that hangs: 504 after the time it was given, and holds no worker meanwhile', async () => {
    const faults = await open()
    faults.matcher = () => {
      faults.matcher = async () => {}
      return new Promise(() => {})
    }
    const { result, told } = await fault(faults, async () => {
      const hanging = faults.send('/timed')
      await until(() => faults.gate.stats().workers.busy === 0)
      expect((await faults.send('/raw', { ms: 1 })).status).toBe(200)
      return hanging
    })
    expect(of(result)).toEqual([504, 'matcher-timeout', false])
    expect(told).toEqual({
      'verdicts accept': 2,
      'requests accept': 2,
      'matcher_calls ok': 1,
      'matcher_calls error': 1,
    })
  })
})

describe('a client', () => {
  it('that leaves in the middle of the answer: the photo is counted as what it was', async () => {
    const faults = await open()
    const { told } = await fault(faults, async () => {
      const client = rawClient(faults, '/slow-answer', { 'Content-Type': 'image/jpeg', 'Content-Length': '2' })
      client.write('{}')
      await until(() => client.received().includes('{"candidate":'))
      client.destroy()
    })
    expect(told).toEqual(GOOD)
  })
})
