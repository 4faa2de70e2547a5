import { ofiqHeader, ofiqRow, toOfiq } from '../quality/ofiq.ts'
import type { Formatter } from './scored-file.ts'

/** OFIQ's CSV has one row per photo; like OFIQ, it is about the largest face. */
export const ofiqFormatter: Formatter = {
  header: `${ofiqHeader()}\n`,
  tellsProblems: false,
  format(scored) {
    if (scored.problem) return ''
    const { verdict, faces, photo } = scored.assessment
    const { measures, score, face, timings } = verdict
    return `${ofiqRow(scored.file, toOfiq({ measures, score, face, photo, faces }), timings.totalMs)}\n`
  },
}
