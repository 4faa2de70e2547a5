import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { metricsDocs, withGenerated } from '../../monitoring/metrics-docs.ts'

it('docs/metrics.md is what the code generates; `npm run build:monitoring` writes it', () => {
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8')
  expect(page).toContain('| `diffiqa_verdicts_total` | counter | matcher, purpose, mode, decision |')
  expect(withGenerated(page, metricsDocs())).toBe(page)
})
