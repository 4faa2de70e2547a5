import { describe, expect, it } from 'vitest'
import { BUCKET_SECONDS, Rates } from '../../src/console/rates.ts'

const clock = () => {
  const time = { seconds: 0, now: () => time.seconds * 1000 }
  return time
}

describe('Rates', () => {
  it('counts what became of requests, each stretch of time apart, the newest last', () => {
    const time = clock()
    const rates = new Rates(time.now)
    for (const outcome of ['accept', 'accept', 'reject', 'shed'] as const) rates.add({ outcome })
    time.seconds = BUCKET_SECONDS
    for (const outcome of ['down-weight', 'degraded', 'aborted'] as const) rates.add({ outcome })
    const buckets = rates.read()
    expect(buckets).toHaveLength(600 / BUCKET_SECONDS)
    expect(buckets.slice(-2)).toEqual([
      { accept: 2, downWeight: 0, reject: 1, other: 1 },
      { accept: 0, downWeight: 1, reject: 0, other: 2 },
    ])
  })

  it.each([599, 600, 100_000])('forgets what is older than ten minutes, after %d seconds of silence', (seconds) => {
    const time = clock()
    const rates = new Rates(time.now)
    rates.add({ outcome: 'accept' })
    time.seconds = seconds
    const left = rates.read().reduce((sum, { accept }) => sum + accept, 0)
    expect(left).toBe(seconds < 600 ? 1 : 0)
    expect(rates.read()).toHaveLength(600 / BUCKET_SECONDS)
  })

  it('gives copies away', () => {
    const rates = new Rates(() => 0)
    for (const bucket of rates.read()) bucket.accept = 9
    expect(rates.read().every(({ accept }) => accept === 0)).toBe(true)
  })
})
