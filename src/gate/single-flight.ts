import { DiffiqaError, isDiffiqaError } from '../errors.ts'

export interface Passenger {
  /** Instant of `performance.now()`. */
  readonly deadline: number
  readonly signal?: AbortSignal | undefined
}

interface Flight<T> {
  readonly promise: Promise<T>
  readonly controller: AbortController
  passengers: number
}

/**
 * Work with the same key that is wanted again while it is under way is done once. Everybody keeps their own deadline and signal: the work is
 * aborted only when nobody waits for it any more, and who joined a flight that ended early for its starter's reasons starts anew.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>()

  has(key: string): boolean {
    return this.#flights.has(key)
  }

  /**
   * @param start Begins the work; gets the starter's deadline and a signal that aborts when nobody is left.
   * @throws DiffiqaError `aborted` or `deadline-exceeded` by the passenger's own signal or deadline; whatever the work throws.
   */
  async join(key: string, passenger: Passenger, start: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (;;) {
      const joined = this.#flights.get(key)
      const flight = joined ?? this.#begin(key, start)
      flight.passengers++
      try {
        return await travel(flight.promise, passenger)
      } catch (error) {
        if (!joined || !endedForStarter(error) || isOver(passenger)) throw error
      } finally {
        flight.passengers--
        if (flight.passengers === 0) {
          // Whoever comes now must not board what is being called off.
          if (this.#flights.get(key) === flight) this.#flights.delete(key)
          flight.controller.abort()
        }
      }
    }
  }

  #begin(key: string, start: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController()
    const promise = start(controller.signal)
    const flight: Flight<T> = { promise, controller, passengers: 0 }
    this.#flights.set(key, flight)
    const land = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    }
    promise.then(land, land)
    return flight
  }
}

const endedForStarter = (error: unknown): boolean =>
  isDiffiqaError(error) && (error.code === 'deadline-exceeded' || error.code === 'aborted')

const isOver = ({ deadline, signal }: Passenger): boolean => signal?.aborted === true || performance.now() >= deadline

/** The promise, or the passenger's own end. */
async function travel<T>(promise: Promise<T>, { deadline, signal }: Passenger): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  let onAbort: (() => void) | undefined
  const own = new Promise<never>((_, reject) => {
    const abort = (): void => reject(new DiffiqaError('aborted', undefined, { cause: signal?.reason }))
    if (signal?.aborted) return abort()
    onAbort = abort
    signal?.addEventListener('abort', abort, { once: true })
    const expire = (): void =>
      reject(new DiffiqaError('deadline-exceeded', undefined, { details: { phase: 'running' } }))
    // A little late, so that the work's own report of the same deadline, which knows more, comes first.
    timer = setTimeout(expire, Math.max(0, deadline - performance.now()) + 5)
  })
  try {
    return await Promise.race([promise, own])
  } finally {
    clearTimeout(timer)
    if (onAbort) signal?.removeEventListener('abort', onAbort)
  }
}
