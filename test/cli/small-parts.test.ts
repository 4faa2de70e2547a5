import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import sharp from 'sharp'
import { afterAll, describe, expect, test } from 'vitest'
import { createCropWriter, cropPath } from '../../src/cli/crop-writer.ts'
import { fileProblem } from '../../src/cli/file-problem.ts'
import { Output } from '../../src/cli/output.ts'
import { createProgress, progressText } from '../../src/cli/progress.ts'
import { readPhoto } from '../../src/cli/read-photo.ts'
import { DiffiqaError } from '../../src/errors.ts'
import { crop } from './assessment.ts'

const folder = mkdtempSync(join(tmpdir(), 'diffiqa-parts-'))
afterAll(() => rmSync(folder, { recursive: true }))

describe('crops', () => {
  test.each([
    ['photos/anna.jpg', 0, 'out/photos/anna.jpg.0.png'],
    ['./photos//x/../anna.jpg', 1, 'out/photos/anna.jpg.1.png'],
    ['../../etc/passwd', 0, 'out/__/__/etc/passwd.0.png'],
    ['/data/a.jpg', 12, 'out/data/a.jpg.12.png'],
  ])('%s face %i goes to %s', (file, index, path) => {
    expect(cropPath('out', file, index)).toBe(path)
  })

  test('are PNGs of exactly the pixels', async () => {
    const write = await createCropWriter(join(folder, 'new', 'crops'))
    const pixels = Uint8Array.from(crop.pixels, (_, i) => (i * 31) % 256)
    const [first, second] = await write('deep/a.jpg', [crop, { ...crop, pixels }])
    expect(first).toBe(join(folder, 'new', 'crops', 'deep', 'a.jpg.0.png'))
    const { data, info } = await sharp(second as string)
      .raw()
      .toBuffer({ resolveWithObject: true })
    expect(info).toMatchObject({ width: 112, height: 112, channels: 3 })
    expect(Buffer.compare(data, pixels)).toBe(0)
  })
})

describe('readPhoto', () => {
  test('reads what is there, up to a limit', async () => {
    const path = join(folder, 'bytes')
    writeFileSync(path, Buffer.alloc(5000, 7))
    expect(await readPhoto(path)).toHaveLength(5000)
    await expect(readPhoto(path, { maxBytes: 4999 })).rejects.toMatchObject({ code: 'payload-too-large' })
  })

  test.runIf(process.platform === 'linux')('does not read an endless device to the end', async () => {
    await expect(readPhoto('/dev/zero', { maxBytes: 10_000_000 })).rejects.toMatchObject({ code: 'payload-too-large' })
  })
})

describe('fileProblem', () => {
  test.each([
    [new DiffiqaError('no-face'), 'no-face'],
    [Object.assign(new Error(), { code: 'ENOENT' }), 'file-not-found'],
    [Object.assign(new Error(), { code: 'ENOTDIR' }), 'file-not-found'],
    [Object.assign(new Error(), { code: 'EACCES' }), 'file-unreadable'],
    [Object.assign(new Error(), { code: 'ENXIO' }), 'file-unreadable'],
  ])('%s is %s', (error, code) => {
    expect(fileProblem(error).code).toBe(code)
  })

  test.each([new TypeError('x is not a function'), Object.assign(new Error(), { code: 'ERR_INVALID_ARG' })])(
    'a fault of the program is not blamed on the file',
    (error) => {
      expect(() => fileProblem(error)).toThrow(error)
    },
  )
})

describe('progress', () => {
  test('shows a bar once the total is known', () => {
    expect(progressText(3, undefined, 2)).toBe('3 files 1.5/s')
    expect(progressText(12, 24, 4)).toBe(`[${'#'.repeat(12)}${'-'.repeat(12)}] 12/24 files 3.0/s`)
    expect(progressText(30, 24, 0)).toBe(`[${'#'.repeat(24)}] 30/24 files`)
  })

  function terminal(isTTY: boolean) {
    const written: unknown[] = []
    return { isTTY, write: (text: unknown) => written.push(text) > 0, written }
  }

  test('writes nothing where there is no terminal', () => {
    const pipe = terminal(false)
    const progress = createProgress(pipe)
    progress.setTotal(2)
    progress.advance()
    progress.clear()
    expect(pipe.written).toEqual([])
  })

  test('on a terminal draws over itself and leaves no trace', () => {
    const screen = terminal(true)
    const progress = createProgress(screen)
    progress.advance()
    progress.clear()
    progress.clear()
    const wipe = '\r\u001b[2K'
    expect(screen.written).toEqual([expect.stringContaining(`${wipe}1 files`), wipe])
  })
})

describe('Output', () => {
  test('waits for a slow reader', async () => {
    const pipe = new PassThrough({ highWaterMark: 4 })
    let written = false
    const writing = new Output(pipe).write('0123456789').then(() => {
      written = true
    })
    await new Promise((done) => setTimeout(done, 10))
    expect(written).toBe(false)
    pipe.resume()
    await writing
    for (const event of ['drain', 'close']) expect(pipe.listenerCount(event)).toBeLessThanOrEqual(1)
  })

  test.each([
    ['EPIPE', true],
    ['ENOSPC', false],
  ])('%s from the other end', async (code, quiet) => {
    const failing = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) })
    let told = 0
    const output = new Output(failing, () => told++)
    await output.write('a').catch(() => {})
    await new Promise((done) => setTimeout(done, 5))
    expect([output.closed, told]).toEqual([quiet, quiet ? 1 : 0])
    if (quiet) await expect(output.write('b')).resolves.toBeUndefined()
    else await expect(output.write('b')).rejects.toThrow('ENOSPC')
  })
})
