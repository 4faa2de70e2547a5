export type CsvCell = string | number | boolean | null | undefined

/** One line of RFC 4180; what has no value is an empty cell. */
export const csvRow = (cells: readonly CsvCell[]): string => `${cells.map(quote).join(',')}\r\n`

function quote(cell: CsvCell): string {
  const text = String(cell ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
