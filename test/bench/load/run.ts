import { Generator, Server } from './processes.ts'
import { cellOf } from './cells.ts'
import type { Load } from './answers.ts'
await using generator = await Generator.start()
for (const workers of [1, 2]) for (const escalation of [0, 0.15, 1]) {
  await using server = await Server.start({ workers, escalationBudget: escalation === 0 ? 0 : 1 })
  const base = { warmSeconds: 2, seconds: 6, uncertain: escalation, seed: 'x' }
  const run = async (load: Load, times?: number) => { const seen = await generator.run(server, load); const cell = cellOf({ workers, escalation, load, ...(times && {times}) }, seen);
    const f = (x: number) => x.toFixed(2)
    console.log(workers, escalation, load.loop, times, 'offered', f(cell.offered), 'good', f(cell.goodput), 'lat', f(cell.latency.p50), f(cell.latency.p99), 'shed', f(cell.shed), f(cell.shedLatency.p50), f(cell.shedLatency.p99), cell.retryAfter, cell.retryAfterRight, cell.others, 'esc', f(cell.escalated), f(cell.skipped), 'wait', f(cell.queueWait.p50), 'loop', f(cell.loopDelay.p99), f(cell.loopShare), 'cpu', f(cell.cpu), f(cell.generatorCpu), 'lag', f(cell.lag.p99), 'rss', f(cell.rssMb), f(cell.idleMs)); return cell }
  const cap = await run({ ...base, loop: 'closed', clients: 4 * workers })
  for (const times of [0.5, 1, 2, 3]) for (const loop of ['closed', 'open'] as const) await run({ ...base, loop, perSecond: times * cap.goodput }, times)
}
