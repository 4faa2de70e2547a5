import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DashboardLinkBuilder,
  DashboardLinkType,
  type Panel,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { variables } from './variables.ts'

export interface Board {
  readonly uid: string
  readonly title: string
  readonly description: string
  readonly from: string
  /** Panels by the title of their row. */
  readonly rows: Readonly<Record<string, readonly Builder<Panel>[]>>
}

const DOCS = 'https://github.com/express-diffiqa/express-diffiqa/blob/main/docs'

/** A dashboard as Grafana imports it. */
export function dashboard({ uid, title, description, from, rows }: Board): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(description)
    .tags(['express-diffiqa'])
    .readonly()
    .tooltip(DashboardCursorSync.Crosshair)
    .time({ from, to: 'now' })
    .refresh('30s')
    .variables(variables())
    .links([link('Operators’ page', `${DOCS}/operators.md`), link('Runbook', `${DOCS}/runbook.md`)])
  let id = 1
  for (const [row, panels] of Object.entries(rows)) {
    builder.withRow(new RowBuilder(row).id(id++))
    for (const panel of panels) builder.withPanel({ build: () => ({ ...panel.build(), id: id++ }) })
  }
  return builder.build()
}

const link = (title: string, url: string) =>
  new DashboardLinkBuilder(title).type(DashboardLinkType.Link).url(url).targetBlank(true).keepTime(false)
