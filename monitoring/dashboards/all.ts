import { overview } from './overview.ts'
import { rollout } from './rollout.ts'

/** The dashboards as files of monitoring/grafana, by name. */
export const dashboards = (): Readonly<Record<string, string>> => ({
  'express-diffiqa.json': text(overview()),
  'express-diffiqa-rollout.json': text(rollout()),
})

const text = (dashboard: object): string => `${JSON.stringify(dashboard, null, 2)}\n`
