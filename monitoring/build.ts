// Writes what is generated from code: the tables of docs/metrics.md and the dashboards. Run by `npm run build:monitoring`; a test compares.
import { readFileSync, writeFileSync } from 'node:fs'
import { dashboards } from './dashboards/all.ts'
import { metricsDocs, withGenerated } from './metrics-docs.ts'

const at = (path: string): URL => new URL(path, import.meta.url)

const page = at('../docs/metrics.md')
writeFileSync(page, withGenerated(readFileSync(page, 'utf8'), metricsDocs()))
for (const [name, text] of Object.entries(dashboards())) writeFileSync(at(`grafana/${name}`), text)
