import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readScores } from '../../src/evaluation/scores-file.ts'
import type { Benchmark } from './benchmarks.ts'
import type { Column } from './columns.ts'
import type { Photo } from './photos.ts'

/** No rival: what the recipes' training makes of our labels. */
const OWN = 'own_labels'
/** How a column is called; the recipes are `models/training`'s, the methods their authors'. */
const TITLES: Readonly<Record<string, string>> = {
  cr_fiqa: 'recipe of CR-FIQA',
  ediffiqa: 'recipe of eDifFIQA',
  faceqan: 'recipe of FaceQAN',
  faceqnet: 'recipe of FaceQnet',
  grafiqs: 'recipe of GraFIQs',
  [OWN]: 'labels of DifFIQA(R), minutes of the recipes',
  pcnet: 'recipe of PCNet',
  sdd_fiqa: 'recipe of SDD-FIQA',
  ser_fiq: 'recipe of SER-FIQ',
}
/** Nobody's recipe: a library as it is. */
const LIBRARIES: Readonly<Record<string, string>> = { brisque: 'BRISQUE' }

/**
 * Scores of the rivals' recipes on a benchmark, as `models/training` writes them: `RIVAL/SET.VARIANT.csv` below `folder`. None where that
 * has not run.
 */
export async function rivalColumns(
  folder: string,
  data: string,
  { folder: set, set: variant }: Benchmark,
  photos: readonly Photo[],
): Promise<Column[]> {
  if (!existsSync(folder)) return []
  const names = (await readdir(folder)).sort()
  const columns: Column[] = []
  for (const rival of names) {
    const file = join(folder, rival, `${set}.${variant === 'natural' ? 'clean' : variant}.csv`)
    if (!existsSync(file)) continue
    const files = photos.map((photo) => photo.file)
    const kind = rival in LIBRARIES ? 'baseline' : rival === OWN ? 'part' : 'rival'
    const name = LIBRARIES[rival] ?? TITLES[rival]
    if (name) columns.push({ kind, name, quality: await readScores(file, join(data, set), files) })
  }
  return columns
}
