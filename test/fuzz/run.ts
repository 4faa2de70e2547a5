/**
 * `npm run fuzz -- --count 20000 --seed 1`: so many mutated photos through the gate's worker, `--from N` to begin later. What harms is
 * written to test/fuzz/inputs, where the tests find it.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeBases } from './bases.ts'
import { INPUTS_DIR } from './inputs.ts'
import { makeInput } from './make-input.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
  },
})
const [count, seed, from] = [Number(values.count), Number(values.seed), Number(values.from)]
if (![count, seed, from].every(Number.isSafeInteger)) throw new Error('--count, --seed and --from take whole numbers')
/** Nothing may hold the process itself for so long. */
const HANG_MS = 60_000
/** A fresh process now and then, so that its memory tells of few inputs. */
const PER_PROCESS = 2500
const PROGRESS_MS = 30_000

interface Ended {
  readonly ended: number
  readonly code: string
  readonly heldMs: number
  readonly cpuMs: number
  readonly fault?: string
  readonly maxRssMb: number
}

const bases = await makeBases()
const codes = new Map<string, number>()
const held: number[] = []
const used: number[] = []
let [faults, maxRssMb] = [0, 0]

function report(index: number, fault: string): void {
  faults++
  const { base, bytes } = makeInput(bases, seed, index)
  mkdirSync(INPUTS_DIR, { recursive: true })
  writeFileSync(new URL(`${base}-${seed}-${index}`, INPUTS_DIR), bytes)
  process.stderr.write(`${seed}/${index} (${base}, ${bytes.length} bytes): ${fault}\n`)
}

function tally({ ended, code, heldMs, cpuMs, fault, maxRssMb: rss }: Ended): void {
  codes.set(code, (codes.get(code) ?? 0) + 1)
  held.push(heldMs)
  used.push(cpuMs)
  maxRssMb = Math.max(maxRssMb, rss)
  if (fault) report(ended, fault)
}

/** @returns where to go on: behind the range, or behind the input that ended the process. */
async function runRange(begin: number, end: number): Promise<number> {
  const args = [
    '--import',
    'tsx',
    fileURLToPath(new URL('run-range.ts', import.meta.url)),
    `${seed}`,
    `${begin}`,
    `${end}`,
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let next = begin
  let begun: number | undefined
  let hung: NodeJS.Timeout | undefined
  const exit = new Promise<string>((resolve) => child.once('close', (code, signal) => resolve(signal ?? String(code))))
  for await (const text of createInterface({ input: child.stdout })) {
    clearTimeout(hung)
    hung = setTimeout(() => child.kill('SIGKILL'), HANG_MS)
    const line = JSON.parse(text) as { begun: number } | Ended
    if ('begun' in line) begun = line.begun
    else {
      tally(line)
      next = line.ended + 1
    }
  }
  clearTimeout(hung)
  const ended = await exit
  if (next === end && ended === '0') return end
  // Nothing of the input's: the gate itself could not be opened.
  if (begun === undefined) throw new Error(`the process ended with ${ended} before its first input`)
  report(begun, `the process ended with ${ended}`)
  return Math.max(next, begun + 1)
}

const start = performance.now()
const progress = setInterval(() => process.stderr.write(`${held.length} of ${count}, ${faults} faults\n`), PROGRESS_MS)
for (let next = from; next < from + count; ) next = await runRange(next, Math.min(from + count, next + PER_PROCESS))
clearInterval(progress)

/** Median, 99th percentile and largest. */
function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b)
  const quantile = (share: number): number =>
    Math.round(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0)
  return `median ${quantile(0.5)}, p99 ${quantile(0.99)}, largest ${quantile(1)}`
}

const rows = [...codes].sort(([, a], [, b]) => b - a).map(([code, n]) => `  ${code}: ${n}`)
process.stdout.write(`${held.length} inputs of seed ${seed} in ${Math.round((performance.now() - start) / 1000)} s
${rows.join('\n')}
time of processors, ms: ${spread(used)}
time the worker was held, ms: ${spread(held)}
largest process: ${maxRssMb} MB
faults: ${faults}
`)
process.exitCode = faults === 0 ? 0 : 1
