import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Input, listInputs } from '../../src/cli/inputs.ts'

const root = mkdtempSync(join(tmpdir(), 'diffiqa-inputs-'))
afterAll(() => rmSync(root, { recursive: true }))

const put = (...names: string[]) => {
  for (const name of names) {
    mkdirSync(join(root, name, '..'), { recursive: true })
    writeFileSync(join(root, name), '')
  }
}
put('p/b.jpg', 'p/a.PNG', 'p/ä.webp', 'p/B.jpeg', 'p/notes.txt', 'p/.hidden.jpg', 'p/.git/x.jpg', 'p/sub/2.tiff')
put('p/sub/10.tif', 'p/sub/deep/z.avif', 'p/out/crop.png', 'p/c.heic', 'p/noending', 'p/folder.jpg/in.jpg', 'text.txt')
mkdirSync(join(root, 'empty'))
symlinkSync('b.jpg', join(root, 'p/link.jpg'))
symlinkSync('nowhere.jpg', join(root, 'p/lost.jpg'))
symlinkSync('..', join(root, 'p/up.jpg'))

async function list(paths: string[], skip?: string): Promise<Input[]> {
  const found: Input[] = []
  for await (const input of listInputs(paths, skip)) found.push(input)
  return found
}
const under = async (...args: Parameters<typeof list>) =>
  (await list(...args)).map(({ path }) => path.slice(root.length + 1))

describe('listInputs', () => {
  test('walks folders whole, by extension, in the order of code units, past hidden entries and links to folders', async () => {
    expect(await under([join(root, 'p')])).toEqual([
      'p/B.jpeg',
      'p/a.PNG',
      'p/b.jpg',
      'p/c.heic',
      'p/folder.jpg/in.jpg',
      'p/link.jpg',
      'p/lost.jpg',
      'p/out/crop.png',
      'p/sub/10.tif',
      'p/sub/2.tiff',
      'p/sub/deep/z.avif',
      'p/ä.webp',
    ])
  })

  test('keeps the order of what is named, and takes named files whatever they are called or whether they exist', async () => {
    const named = ['text.txt', 'p/.hidden.jpg', 'missing.jpg', 'p/sub', 'text.txt'].map((name) => join(root, name))
    expect(await under(named)).toEqual([
      'text.txt',
      'p/.hidden.jpg',
      'missing.jpg',
      'p/sub/10.tif',
      'p/sub/2.tiff',
      'p/sub/deep/z.avif',
      'text.txt',
    ])
  })

  test('does not walk into the folder that is written to', async () => {
    const found = await under([join(root, 'p')], `${join(root, 'p', 'sub', '..', 'out')}/`)
    expect(found).toContain('p/sub/2.tiff')
    expect(found).not.toContain('p/out/crop.png')
  })

  test('an empty folder has nothing', async () => {
    expect(await list([join(root, 'empty')])).toEqual([])
  })
})
