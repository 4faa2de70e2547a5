import type { TaskKind } from './backend.ts'

export interface Load {
  /** Threads that can take tasks, at least 1. */
  readonly workers: number
  /** How many full scores may run at once. */
  readonly fullLimit: number
  /** Milliseconds each running task still needs, by kind. */
  readonly running: Readonly<Record<TaskKind, readonly number[]>>
  readonly waiting: Readonly<Record<TaskKind, number>>
  /** Mean service time in milliseconds. */
  readonly meanMs: Readonly<Record<TaskKind, number>>
}

/**
 * Milliseconds a task that joins the queue now waits until it starts, found by playing the queue forward: each waiting task takes
 * the thread that is free first, fast ones before full ones. For equal tasks this is mean service time × depth / workers; unlike
 * that formula it does not count a long full score against the threads beside it.
 */
export function predictWait(kind: TaskKind, load: Load): number {
  const threads = [...load.running.fast, ...load.running.full]
  while (threads.length < load.workers) threads.push(0)
  for (let i = 0; i < load.waiting.fast; i++) {
    const at = indexOfSmallest(threads)
    threads[at] = value(threads, at) + load.meanMs.fast
  }
  if (kind === 'fast') return Math.min(...threads)
  // A full score needs a thread and one of the few places for full scores.
  const places = [...load.running.full]
  while (places.length < load.fullLimit) places.push(0)
  for (let i = 0; i < load.waiting.full; i++) {
    const thread = indexOfSmallest(threads)
    const place = indexOfSmallest(places)
    const end = Math.max(value(threads, thread), value(places, place)) + load.meanMs.full
    threads[thread] = end
    places[place] = end
  }
  return Math.max(Math.min(...threads), Math.min(...places))
}

function indexOfSmallest(numbers: readonly number[]): number {
  let best = 0
  for (let i = 1; i < numbers.length; i++) if (value(numbers, i) < value(numbers, best)) best = i
  return best
}

function value(numbers: readonly number[], index: number): number {
  return numbers[index] ?? 0
}
