/**
 * `npm run bench:load`: the whole campaign, at most twenty minutes on two cores that have nothing else to do. Writes the figures into
 * bench-results/ and prints tables; a whole run also puts them into docs/results.md and docs/scale.md, draws the knee, and renews the profile
 * of `express-diffiqa plan`. `-- --quick` takes a fifth of the time, `-- --seconds 0.1` a tenth, `-- --soak 500` so many photos.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { replaceIn } from '../../../models/evaluation/replace-in.ts'
import { loadManifest } from '../../../src/inference/manifest-file.ts'
import { benchPhotos } from '../photos.ts'
import { runCampaign } from './campaign.ts'
import { planTable, resultsOf } from './docs.ts'
import { drawKnee } from './report.ts'

function numberAfter(flag: string, usual: number): number {
  const at = process.argv.indexOf(flag)
  const value = at < 0 ? usual : Number(process.argv[at + 1])
  if (value > 0) return value
  throw new Error(`${flag} takes a number above 0`)
}

const quick = process.argv.includes('--quick')
const scale = numberAfter('--seconds', quick ? 0.2 : 1)
const soakPhotos = numberAfter('--soak', quick ? 500 : 10_000)
const [photo] = await benchPhotos()
const campaign = await runCampaign({
  machine: `${process.platform} ${process.arch}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Node ${process.version}`,
  modelVersion: (await loadManifest()).modelVersion,
  cores: cpus().length,
  command: 'npm run bench:load',
  scale,
  soakPhotos,
  photoBytes: photo?.length ?? 0,
  log: (line) => process.stderr.write(`${line}\n`),
})
mkdirSync('bench-results', { recursive: true })
const file = `bench-results/load-${campaign.date.replaceAll(':', '-')}.json`
writeFileSync(file, `${JSON.stringify(campaign, null, 1)}\n`)
const results = resultsOf(campaign)
if (scale >= 1 && soakPhotos >= 10_000) {
  writeFileSync('models/capacity.json', `${JSON.stringify(campaign.profile, null, 1)}\n`)
  replaceIn('docs/results.md', 'bench:load', results)
  replaceIn('docs/scale.md', 'plans', planTable(campaign.profile))
  await drawKnee(campaign)
}
process.stdout.write(`\n${results}\nWritten: ${file}\n`)
