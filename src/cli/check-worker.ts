import type { Check } from './check.ts'

/** A gate on one worker thread starts, warms up and stops, as it does in a server. */
export const workerCheck = (modelsDir: string | undefined): Check => ({
  name: 'worker',
  async run() {
    const { createGate } = await import('../gate/create-gate.ts')
    const start = performance.now()
    const gate = await createGate({ workers: 1, ...(modelsDir === undefined ? {} : { modelsDir }) })
    const startMs = performance.now() - start
    await gate.close()
    return `a worker thread is ready after ${Math.round(startMs)} ms`
  },
})
