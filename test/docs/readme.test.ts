import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
]

/** As GitHub makes them of headings. */
const anchorsOf = (page: string): Set<string> =>
  new Set(
    [...readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )

describe("README's first screen", () => {
  // Some sixty lines of text, pictures among them, are what a page of GitHub shows at once or with one turn of the wheel.
  const [first = ''] = readFileSync('README.md', 'utf8').split(/^## /m)

  it('says what it does, shows the console and the dashboard, and how to run each', () => {
    expect(first.split('\n').length).toBeLessThan(45)
    expect(first).toMatch(/^# express-diffiqa\n\n.*gate for Express/)
    for (const picture of ['console-light.webp', 'console-dark.webp', 'dashboard.svg'])
      expect(first).toContain(`docs/images/${picture}`)
    const commands = [...first.matchAll(/^```sh\n(.+)\n```$/gm)].map(([, command]) => command)
    expect(commands).toEqual([
      'npm install && npm run demo',
      'npm install && npm run console',
      'docker compose -f monitoring/compose.yaml up',
    ])
  })

  it('has commands that exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
    for (const [, name = ''] of first.matchAll(/npm run ([\w:]+)/g)) expect(scripts).toHaveProperty(name)
    for (const [file] of first.matchAll(/monitoring\/[\w./-]+/g)) expect(existsSync(file)).toBe(true)
  })
})

describe.each(PAGES)('%s', (page) => {
  const text = readFileSync(page, 'utf8').replaceAll(/^```[\s\S]*?^```/gm, '')
  const links = [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)]
    .map(([, link, source]) => link ?? source ?? '')
    .filter((link) => !/^(https?:|mailto:)/.test(link))

  it('links only to what is there', () => {
    const dead = links.filter((link) => {
      const [path = '', anchor] = link.split('#')
      const file = path === '' ? page : join(dirname(page), path)
      if (!existsSync(file)) return true
      return anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).has(anchor)
    })
    expect(dead).toEqual([])
  })
})
