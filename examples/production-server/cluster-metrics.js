import { once } from 'node:events'
import { AggregatorRegistry } from 'prom-client'

/** A process that does not answer by then is shown as it was. */
const PATIENCE_MS = 1000

/**
 * The series of all processes as those of one. prom-client's own sum is over the processes that live: it falls whenever one ends, which
 * Prometheus takes for a restart from zero, and counts everything once more. So what a process has counted stays in the sum after its end.
 */
export class ClusterMetrics {
  /** What each living process told last. */
  #living = new Map()
  #ended = []

  follow(worker) {
    this.#living.set(worker, [])
    worker.on('message', ({ metrics }) => metrics && this.#living.set(worker, metrics))
    worker.once('exit', () => {
      // Counters and histograms only: queues and threads have ended with their process.
      const counted = this.#living.get(worker).filter(({ type }) => type !== 'gauge')
      this.#living.delete(worker)
      this.#ended = AggregatorRegistry.aggregate([this.#ended, counted]).getMetricsAsArray()
    })
  }

  async read() {
    await Promise.all([...this.#living.keys()].map(ask))
    const sum = AggregatorRegistry.aggregate([...this.#living.values(), this.#ended])
    return { contentType: sum.contentType, text: await sum.metrics() }
  }
}

async function ask(worker) {
  if (!worker.isConnected()) return
  const answer = once(worker, 'message', { signal: AbortSignal.timeout(PATIENCE_MS) })
  worker.send({ askMetrics: true })
  await answer.catch(() => {})
}
