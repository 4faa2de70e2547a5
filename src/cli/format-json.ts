import type { Formatter } from './scored-file.ts'

/** JSON Lines: one object per face, `{ file, error: { code, message } }` for a file without a score. */
export const jsonFormatter: Formatter = {
  header: '',
  tellsProblems: true,
  format(scored) {
    const lines = scored.problem ? [{ file: scored.file, error: scored.problem }] : scored.records
    return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  },
}
