import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { orderedMap } from '../../src/cli/ordered-map.ts'

async function* range(count: number, onTake: (item: number) => void = () => {}): AsyncGenerator<number> {
  for (let i = 0; i < count; i++) {
    onTake(i)
    yield i
  }
}

async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of source) all.push(item)
  return all
}

describe('orderedMap', () => {
  test('keeps the order and the bound, whatever finishes first', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (delays, window) => {
          let running = 0
          let most = 0
          const map = async (i: number): Promise<number> => {
            most = Math.max(most, ++running)
            await sleep(delays[i])
            running--
            return i
          }
          expect(await collect(orderedMap(range(delays.length), map, window))).toEqual([...delays.keys()])
          expect(most).toBeLessThanOrEqual(window)
        },
      ),
      { numRuns: 30 },
    )
  })

  test('takes nothing more while its answers are not taken', async () => {
    let taken = 0
    const mapped = orderedMap(
      range(100, () => taken++),
      async (i) => i,
      3,
    )
    await mapped.next()
    await mapped.next()
    await sleep(20)
    expect(taken).toBeLessThanOrEqual(4)
    await mapped.return()
  })

  test('throws a rejection at its turn, after the answers before it, with no unhandled one beside', async () => {
    const seen: number[] = []
    const unhandled: unknown[] = []
    const listen = (error: unknown) => unhandled.push(error)
    process.on('unhandledRejection', listen)
    const map = async (i: number): Promise<number> => {
      if (i >= 2) throw new Error(`no ${i}`)
      await sleep(15)
      return i
    }
    await expect(
      (async () => {
        for await (const i of orderedMap(range(9), map, 4)) seen.push(i)
      })(),
    ).rejects.toThrow('no 2')
    await sleep(5)
    process.off('unhandledRejection', listen)
    expect(seen).toEqual([0, 1])
    expect(unhandled).toEqual([])
  })

  test('ends when the signal fires', async () => {
    const controller = new AbortController()
    const seen: number[] = []
    for await (const i of orderedMap(range(1000), async (n) => n, 2, controller.signal)) {
      seen.push(i)
      if (i === 4) controller.abort()
    }
    expect(seen).toEqual([0, 1, 2, 3, 4])
  })

  test('closes its source when it is left early', async () => {
    let closed = false
    async function* source(): AsyncGenerator<number> {
      try {
        for (let i = 0; ; i++) yield i
      } finally {
        closed = true
      }
    }
    for await (const i of orderedMap(source(), async (n) => n, 2)) if (i === 3) break
    expect(closed).toBe(true)
  })
})
