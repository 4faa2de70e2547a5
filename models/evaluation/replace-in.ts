import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Put `text` between `<!-- name -->` and `<!-- /name -->` of a page.
 * @throws Error when the page has no such place
 */
export function replaceIn(file: string, name: string, text: string): void {
  const [open, close] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const page = readFileSync(file, 'utf8')
  const [from, to] = [page.indexOf(open), page.indexOf(close)]
  if (from < 0 || to < from) throw new Error(`${file} has no place for ${name}`)
  writeFileSync(file, `${page.slice(0, from + open.length)}\n${text.trim()}\n\n${page.slice(to)}`)
}
