import { Piscina } from 'piscina'
import type { Answer, Job, WorkerData } from './job.ts'

/** Worker threads that look at photos. */
export interface LookPool {
  /** One answer per job, in order. */
  look(title: string, jobs: readonly Job[]): Promise<Answer[]>
  close(): Promise<void>
}

const WARM_JOBS_PER_THREAD = 4

export function openPool(threads: number, workerData: WorkerData): LookPool {
  const pool = new Piscina<Job, Answer>({
    filename: new URL('./look-worker.mjs', import.meta.url).href,
    minThreads: threads,
    maxThreads: threads,
    concurrentTasksPerWorker: 1,
    workerData,
  })
  return {
    async look(title, jobs) {
      const answers: Answer[] = new Array(jobs.length)
      const begun = performance.now()
      let [next, done] = [0, 0]
      const one = async (): Promise<void> => {
        while (next < jobs.length) {
          const k = next++
          answers[k] = await pool.run(jobs[k] as Job)
          if (++done % 200 === 0 || done === jobs.length) {
            const rate = done / ((performance.now() - begun) / 1000)
            process.stderr.write(`${title}: ${done}/${jobs.length}, ${rate.toFixed(1)} photos/s\n`)
          }
        }
      }
      await Promise.all(Array.from({ length: threads * WARM_JOBS_PER_THREAD }, one))
      return answers
    },
    close: () => pool.destroy(),
  }
}
