/**
 * `npm run evaluate`: every table and curve about the scores, from photos to one report. An interrupted run goes on where it stopped.
 * Nothing is chosen here.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { openPlotter } from '../../src/evaluation/plot.ts'
import { svgToPng } from '../../src/evaluation/svg-to-png.ts'
import { ModelStore } from '../../src/inference/model-store.ts'
import { benchmarkGoals, type Goal, valueGoals } from './goals.ts'
import { runGroups } from './groups.ts'
import { networks } from './networks.ts'
import { openPool } from './pool.ts'
import { benchmarkSection, curvePlots, goalTable, summaryTable } from './report-benchmarks.ts'
import { factsLine, reportTitle } from './report-title.ts'
import { runRobustness, type Section } from './robustness.ts'
import { type BenchmarkSettings, runBenchmarks } from './run-benchmarks.ts'
import { readSettings, type Settings } from './settings.ts'
import { writeDocs } from './write-docs.ts'

const settings = readSettings(process.argv.slice(2))
if (settings) await evaluate(settings)
else process.exitCode = 1

async function evaluate(settings: Settings): Promise<void> {
  const begun = performance.now()
  const { judges, peer } = networks(settings.judges, settings.models)
  const missing = judges.filter(({ model }) => !existsSync(model)).map(({ model }) => model)
  if (missing.length > 0)
    throw new Error(`${missing.join(', ')} not found: run "python -m diffiqa_training fetch" in models/training first`)
  const store = await ModelStore.open({ modelsDir: settings.models })
  const { manifest } = store
  await store.close()
  const hasPeer = existsSync(peer.model)
  const pool = openPool(settings.threads, {
    judgesFolder: settings.judges,
    modelsFolder: settings.models,
    cacheFolder: settings.cache,
    hasPeer,
    paperDraws: settings.paperDraws,
  })
  const common: BenchmarkSettings = {
    data: settings.data,
    rivals: settings.rivals,
    judges: judges.map(({ name, fmr }) => ({ name, fmr })),
    scoring: manifest.scoring,
    rounds: settings.rounds,
    seed: settings.seed,
    people: settings.people,
    paperDraws: settings.paperDraws,
  }
  const sections: Section[] = []
  const goals: Goal[] = []
  let summary = ''
  try {
    if (settings.parts.has('benchmarks')) {
      const results = await runBenchmarks(pool, common)
      goals.push(...benchmarkGoals(results), ...valueGoals(results, manifest.scoring))
      summary = summaryTable(results)
      sections.push({
        markdown: [
          '## Goals\n',
          'U(0.2), mean of the judges; 95 % intervals over people, differences in pairs. "Overall" is the mean of all benchmarks but lfw-natural.\n',
          goalTable(goals),
          '## U(0.2) of every score\n',
          summary,
          '## Benchmarks\n',
          ...results.map(benchmarkSection),
        ].join('\n'),
        plots: results.flatMap(curvePlots),
      })
    }
    if (settings.parts.has('robustness')) sections.push(await runRobustness(pool, common))
    if (settings.parts.has('groups')) sections.push(await runGroups(pool, common))
  } finally {
    await pool.close()
  }
  const files = {
    ...Object.fromEntries(Object.entries(manifest.models).map(([name, { sha256 }]) => [name, sha256])),
    ...Object.fromEntries(
      await Promise.all(
        [...judges, ...(hasPeer ? [peer] : [])].map(async ({ name, model }) => [name, await hash(model)]),
      ),
    ),
  }
  const machine = `${process.platform} ${process.arch}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}`
  const facts = {
    date: new Date().toISOString().slice(0, 10),
    machine,
    modelVersion: manifest.modelVersion,
    rounds: settings.rounds,
    seed: settings.seed,
    minutes: Math.round((performance.now() - begun) / 60_000),
    people: settings.people,
    parts: [...settings.parts],
    files,
  }
  await mkdir(settings.out, { recursive: true })
  await writeFile(
    join(settings.out, 'report.md'),
    [reportTitle(facts), ...sections.map(({ markdown }) => markdown)].join('\n'),
  )
  await writeFile(join(settings.out, 'goals.json'), `${JSON.stringify({ ...facts, goals }, null, 2)}\n`)
  await drawPlots(
    settings.out,
    sections.flatMap(({ plots }) => plots),
  )
  if (settings.docs)
    await writeDocs(settings.docs, settings.out, { facts: factsLine(facts), goals: goalTable(goals), summary })
  process.stderr.write(`${join(settings.out, 'report.md')}\n`)
}

async function drawPlots(folder: string, plots: Section['plots']): Promise<void> {
  if (plots.length === 0) return
  const draw = await openPlotter()
  for (const { name, plot } of plots) {
    const svg = draw(plot)
    await writeFile(join(folder, `${name}.svg`), svg)
    await writeFile(join(folder, `${name}.png`), await svgToPng(svg))
  }
}

async function hash(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex')
}
