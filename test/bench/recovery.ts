/**
 * `npm run bench:recovery`: milliseconds from a fault to the moment when everything is as before, and to the first photo that is judged again.
 * Each is done five times, on a gate of two workers; median and longest. About two minutes.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { createGate } from '../../src/gate/create-gate.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { openInference } from '../../src/inference/remote/open-inference.ts'
import { OipTestServer } from '../fixtures/oip-server.ts'
import { sampleFace } from '../fixtures/sample-faces.ts'

const TIMES = 5
const photo = await sampleFace('f')

async function until(met: () => unknown): Promise<number> {
  for (;;) {
    if (await met()) return performance.now()
    await sleep(1)
  }
}

function report(fault: string, until: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b).map(Math.round)
  console.log(`| ${fault} | ${until} | ${sorted[sorted.length >> 1]} | ${sorted.at(-1)} |`)
}

const threads: Worker[] = []
process.on('worker', (worker) => threads.push(worker))
/** Those that belong to the gate and live. */
const workers = (): Worker[] => threads.filter(({ threadId }) => threadId > 0)

async function ofWorkers(): Promise<void> {
  const gate = await createGate({ workers: 2, deadlineMs: 60_000 })
  const judged: number[] = []
  const whole: number[] = []
  for (let i = 0; i < TIMES; i++) {
    const start = performance.now()
    void workers()[0]?.terminate()
    // One photo may have been with it.
    const isJudged = () =>
      gate.assess(photo).then(
        () => true,
        () => false,
      )
    judged.push((await until(isJudged)) - start)
    whole.push((await until(() => gate.stats().workers.idle === 2)) - start)
  }
  await gate.close()
  report('one of two workers is killed', 'a photo is judged', judged)
  report('one of two workers is killed', 'both work again', whole)
}

async function ofModelServer(): Promise<void> {
  await using server = await OipTestServer.open()
  const gate = await createGate({ workers: 2, deadlineMs: 60_000, inference: openInference({ url: server.url }) })
  const isRefused = (one: Gate): boolean => {
    try {
      one.admit()
      return false
    } catch {
      return true
    }
  }
  const noticed: number[] = []
  const back: number[] = []
  for (let i = 0; i < TIMES; i++) {
    await server.kill()
    const gone = performance.now()
    noticed.push(
      (await until(async () => {
        await gate.assess(photo).catch(() => {})
        return isRefused(gate)
      })) - gone,
    )
    await sleep(1000)
    const started = performance.now()
    await server.start()
    back.push((await until(() => gate.ready)) - started)
    await gate.assess(photo)
  }
  await gate.close()
  report('the inference server goes, photos come one after another', 'photos are refused before they are read', noticed)
  report('it comes back after a second', 'photos are judged', back)
}

async function ofProcesses(): Promise<void> {
  const settings = { PORT: '0', OPS_PORT: '0', HOST: '127.0.0.1', WORKERS: '1', PROCESSES: '2', SETTLE_MS: '1000' }
  const child: ChildProcess = spawn(process.execPath, ['examples/production-server/cluster.js'], {
    env: { ...process.env, ...settings },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk) => {
      output += chunk
    })
  await until(() => output.includes('Listening'))
  const [, , opsPort] = /port (\d+);.* port (\d+)/.exec(output) ?? []
  const serving = async (): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text()
    return Number(/diffiqa_workers\{state="idle"\} (\d+)/.exec(text)?.[1])
  }
  const replaced: number[] = []
  for (let i = 0; i < TIMES; i++) {
    const pids = execFileSync('pgrep', ['-P', String(child.pid)], { encoding: 'utf8' })
    const start = performance.now()
    process.kill(Number(pids.split('\n')[0]), 'SIGKILL')
    await until(async () => (await serving()) === 1)
    replaced.push((await until(async () => (await serving()) === 2)) - start)
  }
  const restarts: number[] = []
  for (let i = 0; i < TIMES; i++) {
    const seen = output.split('Restarted').length
    const start = performance.now()
    child.kill('SIGHUP')
    restarts.push((await until(() => output.split('Restarted').length > seen)) - start)
  }
  child.kill('SIGTERM')
  report('one of two processes is killed', 'both serve again', replaced)
  report('SIGHUP, two processes, 1 s to settle', 'both are replaced', restarts)
}

console.log('| fault | until | median ms | longest ms |\n| --- | --- | --- | --- |')
await ofWorkers()
await ofModelServer()
await ofProcesses()
