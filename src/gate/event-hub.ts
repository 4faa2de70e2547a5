import { channel } from 'node:diagnostics_channel'
import type { GateEventName, GateEvents, GateListener } from './events.ts'

/** Facts rather than happenings: whoever subscribes later is told the latest of each kind at once. */
const STICKY = {
  thresholds: () => 'thresholds',
  'model-ready': (event: GateEvents['model-ready']) => `model-ready:${event.model}`,
  'inference-server': (event: GateEvents['inference-server']) => `inference-server:${event.server}`,
  guarded: (event: GateEvents['guarded']) => `guarded:${event.matcher}`,
} as const

const keyOf = (name: GateEventName, event: GateEvents[GateEventName]): string | undefined =>
  name in STICKY ? STICKY[name as keyof typeof STICKY](event as never) : undefined

type AnyListener = (event: never) => unknown

/**
 * Hands events to listeners and to the diagnostics channel `express-diffiqa:<name>`. What a listener throws or rejects with stays here: it
 * is told once per event name as a process warning, and no decision ever depends on it. (Node reports what a subscriber of a
 * diagnostics channel throws as an uncaught exception; that is the channel's contract.)
 */
export class EventHub {
  readonly #listeners = new Map<GateEventName, Set<AnyListener>>()
  readonly #channels = new Map<GateEventName, ReturnType<typeof channel>>()
  readonly #latest = new Map<string, { readonly name: GateEventName; readonly event: GateEvents[GateEventName] }>()
  readonly #warned = new Set<GateEventName>()

  /** @returns the function that unsubscribes. */
  on<N extends GateEventName>(name: N, listener: GateListener<N>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set<AnyListener>()
    this.#listeners.set(name, listeners)
    // Wrapped, so that the same function can be subscribed twice and unsubscribed once.
    const entry: AnyListener = (event) => listener(event)
    listeners.add(entry)
    for (const latest of this.#latest.values()) if (latest.name === name) this.#tell(name, entry, latest.event)
    return () => {
      listeners.delete(entry)
    }
  }

  emit<N extends GateEventName>(name: N, event: GateEvents[N]): void {
    const key = keyOf(name, event)
    if (key !== undefined) this.#latest.set(key, { name, event })
    for (const listener of this.#listeners.get(name) ?? []) this.#tell(name, listener, event)
    const topic = this.#channels.get(name) ?? channel(`express-diffiqa:${name}`)
    this.#channels.set(name, topic)
    if (topic.hasSubscribers) topic.publish(event)
  }

  #tell(name: GateEventName, listener: AnyListener, event: GateEvents[GateEventName]): void {
    try {
      const answer = listener(event as never)
      if (answer instanceof Promise) answer.catch((error: unknown) => this.#warn(name, error))
    } catch (error) {
      this.#warn(name, error)
    }
  }

  /** Only the error's name: its message may hold anything. */
  #warn(name: GateEventName, error: unknown): void {
    if (this.#warned.has(name)) return
    this.#warned.add(name)
    const kind = error instanceof Error ? error.name : typeof error
    process.emitWarning(
      `A listener of the gate's event "${name}" failed (${kind}); it is kept and further failures are not told`,
      'DiffiqaWarning',
    )
  }
}
