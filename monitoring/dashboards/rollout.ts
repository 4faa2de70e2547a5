import { type Board, dashboard } from './board.ts'
import { bars, heatmap, lines } from './panels.ts'
import { PROBES, SCRAPED, STEPS, STEPS_AND_REST } from './variables.ts'

const SCORES = `diffiqa_score_bucket{${PROBES},${STEPS}}`
const COUNT = `scalar(sum(increase(diffiqa_score_count{${PROBES}}[$__range])))`

const BOARD: Board = {
  uid: 'express-diffiqa-rollout',
  title: 'Face quality gate: roll-out',
  description:
    'Choosing thresholds while nothing is refused yet. `express-diffiqa advise` prints the same as a table; docs/rollout.md tells the steps.',
  from: 'now-7d',
  rows: {
    'Shadow: what would happen': [
      lines({
        title: 'Verdicts by mode',
        description:
          'In "annotate" and "shadow" nothing is refused; the decision is what would happen. Go on to the next step when the share of "reject" is what you can bear.',
        unit: 'reqps',
        width: 12,
        stacked: true,
        queries: [
          {
            expr: `sum by (mode, decision) (rate(diffiqa_verdicts_total{${PROBES},mode=~"$mode"}[$__rate_interval])) > 0`,
            legend: '{{mode}}: {{decision}}',
          },
        ],
      }),
      lines({
        title: 'Share below the thresholds in force',
        description:
          'Of judged faces. "reject" is what enforcing would refuse now; "down_weight" is what would count for less.',
        unit: 'percentunit',
        max: 1,
        width: 12,
        queries: [
          {
            expr: `sum by (decision) (rate(diffiqa_verdicts_total{${PROBES},mode=~"$mode",decision!="accept"}[$__rate_interval])) / ignoring (decision) group_left () sum(rate(diffiqa_verdicts_total{${PROBES},mode=~"$mode"}[$__rate_interval]))`,
            legend: '{{decision}}',
          },
        ],
      }),
    ],
    'Choosing a threshold': [
      bars({
        title: 'Would be refused with reject_below at …',
        description:
          'Share of the judged faces of the time shown with a score up to this one. Photos without a usable face are refused at any threshold and are not in it.',
        unit: 'percentunit',
        max: 1,
        width: 8,
        height: 16,
        base: 'blue',
        queries: [{ expr: `sort(sum by (le) (increase(${SCORES}[$__range])) / ${COUNT})`, legend: '{{le}}' }],
      }),
      bars({
        title: 'Best candidate’s raw score up to …',
        description:
          'Share of the matcher’s answers. Two humps: genuine people and strangers; a threshold helps where poor photos fill the valley between them.',
        unit: 'percentunit',
        max: 1,
        width: 8,
        height: 16,
        base: 'purple',
        queries: [
          {
            expr: `sort(sum by (le) (increase(diffiqa_match_score_bucket{${SCRAPED},matcher=~"$matcher",kind="raw",le!="+Inf"}[$__range])) / scalar(sum(increase(diffiqa_match_score_count{${SCRAPED},matcher=~"$matcher",kind="raw"}[$__range]))))`,
            legend: '{{le}}',
          },
        ],
      }),
      bars({
        title: 'Thresholds in force',
        description:
          'Scores below "reject_below" are rejected, those from "accept_from" on accepted; between them they count for less.',
        unit: 'short',
        max: 1,
        width: 8,
        base: 'green',
        queries: [
          {
            expr: `max by (policy, purpose, bound) (diffiqa_threshold{${SCRAPED},purpose=~"$purpose"})`,
            legend: '{{purpose}} {{bound}} ({{policy}})',
          },
        ],
      }),
      heatmap({
        title: 'Scores over time',
        description:
          'Whole days look alike when light and people do. If they do not, choose the threshold on the worst of them.',
        unit: 'short',
        width: 8,
        queries: [
          {
            expr: `sum by (le) (increase(diffiqa_score_bucket{${PROBES},${STEPS_AND_REST}}[$__rate_interval]))`,
            legend: '{{le}}',
          },
        ],
      }),
    ],
  },
}

export const rollout = () => dashboard(BOARD)
