/** Rows of fields of a CSV text (RFC 4180); line ends of any kind, empty lines left out. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  let quoted = false
  let field = ''
  const endField = (): void => {
    row.push(field)
    field = ''
  }
  const endRow = (): void => {
    endField()
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
  }
  const source = text.replace(/^\uFEFF/, '')
  for (let i = 0; i < source.length; i++) {
    const character = source[i]
    if (quoted && character === '"' && source[i + 1] === '"') {
      field += '"'
      i++
    } else if (character === '"') quoted = !quoted
    else if (quoted) field += character
    else if (character === ',') endField()
    else if (character === '\n' || character === '\r') endRow()
    else field += character
  }
  endRow()
  return rows
}
