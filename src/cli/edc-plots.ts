import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EdcCurve } from '../evaluation/edc.ts'
import { openPlotter, type PlotLine } from '../evaluation/plot.ts'
import { svgToPng } from '../evaluation/svg-to-png.ts'
import type { EdcReport } from './edc-report.ts'

/** Beyond, few pairs are left and the curves are noise. */
const END = 0.5

/**
 * One plot per judge, `edc-<judge>.svg` and `.png`.
 * @throws DiffiqaError `plot-library-missing`
 */
export async function writePlots(folder: string, { comparison }: EdcReport): Promise<void> {
  const draw = await openPlotter()
  await mkdir(folder, { recursive: true })
  for (const { judge, oracle } of comparison.judges) {
    const own = comparison.results.filter((result) => result.judge === judge)
    const lines = own.flatMap(({ score, curve }) => (curve ? [edcLine(score, curve)] : []))
    const svg = draw({
      title: `Error versus discard, ${judge}`,
      x: { title: 'share of genuine pairs discarded', min: 0, max: END },
      y: { title: 'FNMR of the kept', min: 0 },
      lines: [...lines, { ...edcLine('oracle', oracle), dashed: true }],
    })
    // Names come from contracts: nothing but letters may choose the path.
    const path = join(folder, `edc-${judge.replace(/[^\p{L}\p{N}._-]+/gu, '_')}`)
    await writeFile(`${path}.svg`, svg)
    await writeFile(`${path}.png`, await svgToPng(svg))
  }
}

function edcLine(name: string, { discarded, fnmr }: EdcCurve): PlotLine {
  const points = [...discarded.keys()].filter((k) => (discarded[k] as number) <= END)
  return { name, steps: true, points: points.map((k) => [discarded[k] as number, fnmr[k] as number] as const) }
}
