import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { replaceIn } from './replace-in.ts'

const IMAGES = 'images/evaluation'
const LINK = /\]\(([\w-]+\.svg)\)/g

export interface DocsParts {
  /** How the run was made, a line. */
  readonly facts: string
  /** Tables that results.md shows too. */
  readonly goals: string
  readonly summary: string
}

/** Carry a whole run's report into the documentation: results-test.md with its curves, and the main tables of results.md. */
export async function writeDocs(docs: string, out: string, { facts, goals, summary }: DocsParts): Promise<void> {
  const report = await readFile(join(out, 'report.md'), 'utf8')
  const images = [...report.matchAll(LINK)].map(([, name]) => name as string)
  await mkdir(join(docs, IMAGES), { recursive: true })
  for (const name of images) await copyFile(join(out, name), join(docs, IMAGES, name))
  const body = report.slice(report.indexOf('\n')).replace(LINK, `](${IMAGES}/$1)`).trim()
  const head = [
    '# Evaluation on test people\n',
    'The report of one run, as it was written. What follows from it stands in [results.md](results.md).\n',
  ].join('\n')
  await writeFile(join(docs, 'results-test.md'), `${head}\n${body}\n`)
  const page = join(docs, 'results.md')
  replaceIn(page, 'evaluate:facts', facts)
  replaceIn(page, 'evaluate:goals', goals)
  replaceIn(page, 'evaluate:summary', summary)
}
