/** The load, a process of its own: does one `Load` after the other and answers each with its answers; tells when its window begins and ends. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer, Load } from './answers.ts'
import { closedLoop } from './closed-loop.ts'
import { openLoop } from './open-loop.ts'
import { loadProbes } from './probes.ts'

export interface Order {
  readonly url: string
  readonly load: Load
}
export type Report =
  | 'ready'
  | 'begin'
  | 'end'
  | { readonly answers: readonly Answer[]; readonly cpuSeconds: number; readonly seconds: number }

const tell = (report: Report): void => void process.send?.(report)
const probes = await loadProbes()

process.on('message', async ({ url, load }: Order) => {
  const { warmSeconds, seconds, verdicts } = load
  const [cpu, begun] = [process.cpuUsage(), performance.now()]
  const begin = sleep(warmSeconds * 1000).then(() => tell('begin'))
  const end = verdicts === undefined ? sleep((warmSeconds + seconds) * 1000).then(() => tell('end')) : undefined
  const answers = await (load.loop === 'open' ? openLoop : closedLoop)(url, load, probes)
  await begin
  // The last request may have been answered before the window's end.
  if (end) await end
  else tell('end')
  const { user, system } = process.cpuUsage(cpu)
  tell({ answers, cpuSeconds: (user + system) / 1e6, seconds: (performance.now() - begun) / 1000 })
})
process.on('disconnect', () => process.exit())
tell('ready')
