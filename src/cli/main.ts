import { isDiffiqaError } from '../errors.ts'
import { suggest } from '../gate/suggest.ts'
import type { Command } from './command.ts'
import { EXIT } from './exit-codes.ts'
import { columns } from './help.ts'
import { packageInfo } from './package-info.ts'
import { printable } from './printable.ts'
import { UsageError } from './usage-error.ts'

const COMMANDS: readonly Command[] = [
  {
    name: 'score',
    summary: 'score the faces of photos',
    help: async () => (await import('./score-options.ts')).scoreHelp(),
    run: async (args) => (await import('./score.ts')).score(args),
  },
  {
    name: 'edc',
    summary: 'compare quality scores on people of your own: error versus discard',
    help: async () => (await import('./edc-options.ts')).edcHelp(),
    run: async (args) => (await import('./edc.ts')).edc(args),
  },
  {
    name: 'audit',
    summary: 'which enrolled photos would be refused today: who should be enrolled again, and why',
    help: async () => (await import('./audit-options.ts')).auditHelp(),
    run: async (args) => (await import('./audit.ts')).audit(args),
  },
  {
    name: 'enqueue',
    summary: 'queue the photos of a gallery in Redis for workers, and write their results',
    help: async () => (await import('./bulk/enqueue-options.ts')).enqueueHelp(),
    run: async (args) => (await import('./bulk/enqueue.ts')).enqueue(args),
  },
  {
    name: 'work',
    summary: 'score or audit queued photos, on as many machines as you like',
    help: async () => (await import('./bulk/work-options.ts')).workHelp(),
    run: async (args) => (await import('./bulk/work.ts')).work(args),
  },
  {
    name: 'export-models',
    summary: 'write the networks as a folder that Triton, KServe or MLServer loads',
    help: async () => (await import('./export-options.ts')).exportHelp(),
    run: async (args) => (await import('./export-models.ts')).exportModels(args),
  },
  {
    name: 'advise',
    summary: 'say from recorded metrics what each threshold would have refused',
    help: async () => (await import('./advise-options.ts')).adviseHelp(),
    run: async (args) => (await import('./advise.ts')).advise(args),
  },
  {
    name: 'dashboards',
    summary: 'write the Grafana dashboards',
    help: async () => (await import('./monitoring-options.ts')).monitoringHelp('dashboards'),
    run: async (args) => (await import('./monitoring.ts')).writeMonitoring('dashboards', args),
  },
  {
    name: 'rules',
    summary: 'write the rules and alerts of Prometheus',
    help: async () => (await import('./monitoring-options.ts')).monitoringHelp('rules'),
    run: async (args) => (await import('./monitoring.ts')).writeMonitoring('rules', args),
  },
  {
    name: 'calibrate',
    summary: 'fit scores and down-weighting to a matcher and people of your own',
    help: async () => (await import('./calibrate-options.ts')).calibrateHelp(),
    run: async (args) => (await import('./calibrate.ts')).calibrate(args),
  },
  {
    name: 'plan',
    summary: 'how many instances, cores and how much memory a load needs',
    help: async () => (await import('./plan-options.ts')).planHelp(),
    run: async (args) => (await import('./plan.ts')).plan(args),
  },
  {
    name: 'doctor',
    summary: 'check Node, native modules and models, and time one score',
    help: async () => (await import('./doctor-options.ts')).doctorHelp(),
    run: async (args) => (await import('./doctor.ts')).doctor(args),
  },
]

const usage = (): string => `Usage: express-diffiqa COMMAND [options]

Face quality with DifFIQA(R) and DifFIQA, on the command line.

Commands:
${columns(COMMANDS.map(({ name, summary }) => [name, summary]))}
Options:
${columns([
  ['-h, --help', 'show this help; after a command, its own'],
  ['-v, --version', 'show the version'],
])}`

/**
 * Runs one command line.
 * @param args - without the names of node and the script
 * @returns the exit code; nothing is thrown for what a user may do wrong
 */
export async function main(args: readonly string[]): Promise<number> {
  // Whoever reads the messages may be gone before the work is: no reason to fail. Standard output has its own watch.
  process.stderr.on('error', () => {})
  process.stdout.on('error', () => {})
  const [word, ...rest] = args
  try {
    return await dispatch(word, rest)
  } catch (error) {
    if (error instanceof UsageError) {
      const known = COMMANDS.some(({ name }) => name === word)
      process.stderr.write(`express-diffiqa: ${error.code}: ${printable(error.message)}\n`)
      process.stderr.write(`Try "express-diffiqa ${known ? `${word} ` : ''}--help".\n`)
    } else process.stderr.write(`express-diffiqa: ${describe(error)}\n`)
    return EXIT.failed
  }
}

async function dispatch(word: string | undefined, rest: readonly string[]): Promise<number> {
  if (word === undefined) {
    process.stderr.write(usage())
    return EXIT.failed
  }
  if (word === '--version' || word === '-v') return print(`${packageInfo().version}\n`)
  if (word === '--help' || word === '-h') return print(usage())
  if (word === 'help') return print(rest[0] === undefined ? usage() : await find(rest[0]).help())
  return find(word).run(rest)
}

function print(text: string): number {
  process.stdout.write(text)
  return EXIT.ok
}

function find(word: string): Command {
  const command = COMMANDS.find(({ name }) => name === word)
  if (command) return command
  const meant = suggest(
    word,
    COMMANDS.map(({ name }) => name),
  )
  throw new UsageError(
    `unknown ${word.startsWith('-') ? 'option' : 'command'} ${word}${meant ? `; did you mean ${meant}?` : ''}`,
  )
}

/** Expected failures in one line; anything else with its stack, for a report. */
function describe(error: unknown): string {
  if (isDiffiqaError(error)) return `${error.code}: ${printable(error.message)}`
  if (error instanceof Error && 'code' in error) return printable(error.message)
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
