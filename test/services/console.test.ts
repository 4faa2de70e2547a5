import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import axe, { type AxeResults } from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sampleFace, samplePhoto } from '../fixtures/sample-faces.ts'
import { type ConsolePage, ConsoleServer, openBrowser, openConsole, upload } from './console-page.ts'

let server: ConsoleServer
let browser: Browser
let folder: string
const opened: ConsolePage[] = []

const portrait = async () => ({ name: 'portrait.jpg', buffer: await sampleFace('f') })
const blurred = async () => ({
  name: 'blurred.jpg',
  buffer: await sharp(await sampleFace('f'))
    .blur(9)
    .jpeg()
    .toBuffer(),
})
const group = () => ({ name: 'group.jpg', buffer: samplePhoto(5) })
const broken = () => ({ name: 'broken.jpg', buffer: samplePhoto(5).subarray(0, 30_000) })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'diffiqa-console-'))
  // A camera that shows one person: Chromium plays motion JPEG, which is one JPEG after the other.
  const frame = await sharp(samplePhoto(6))
    .extract({ left: 1390, top: 100, width: 500, height: 700 })
    .resize(640, 480, { fit: 'contain', background: '#666666' })
    .jpeg({ quality: 92 })
    .toBuffer()
  writeFileSync(join(folder, 'camera.mjpeg'), Buffer.concat(Array.from({ length: 20 }, () => frame)))
  server = await ConsoleServer.open()
  browser = await openBrowser([
    '--use-fake-ui-for-media-stream',
    '--use-fake-device-for-media-stream',
    `--use-file-for-fake-video-capture=${join(folder, 'camera.mjpeg')}`,
  ])
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
  rmSync(folder, { recursive: true, force: true })
})
afterEach(async () => {
  for (const { page } of opened.splice(0)) await page.context().close()
})

async function open(options: Parameters<typeof openConsole>[2] = {}): Promise<ConsolePage> {
  const page = await openConsole(browser, server.url, options)
  opened.push(page)
  return page
}

/** The service's own route; a machine that is too busy to answer in time is asked again. */
async function check(photo: Buffer): Promise<number> {
  for (;;) {
    const { status } = await fetch(`${server.url}/check`, { method: 'POST', body: new Uint8Array(photo) })
    if (status < 500) return status
  }
}

/** Rules that somebody who needs them would stumble over. */
async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  // As text: a function would refer to the axe of this file.
  const found = await page.evaluate<AxeResults>('axe.run()')
  return found.violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
}

const verdict = (page: Page) => page.locator('.view .verdict .badge')
const rows = (page: Page) => page.locator('.batch tbody tr')

describe('a photo of five people', () => {
  it('gets a box and a verdict for each face, and one of them is explained', async () => {
    const { page, errors } = await open()
    await upload(page, group())
    const boxes = page.locator('button.face-box')
    expect(await boxes.count()).toBe(5)
    expect(await rows(page).count()).toBe(5)
    await boxes.nth(1).click()
    expect(await page.getByRole('heading', { name: 'Face 2 of 5' }).isVisible()).toBe(true)
    // The box lies where the face is: its share of the picture is that of the answer.
    const [box, frame] = await Promise.all([boxes.first().boundingBox(), page.locator('.frame').boundingBox()])
    expect(box && frame && box.x > frame.x && box.x + box.width < frame.x + frame.width).toBe(true)

    await page.getByRole('button', { name: 'Show me why' }).click()
    const why = page.getByRole('region', { name: 'What full DifFIQA compared' })
    await why.waitFor()
    expect(await why.getByRole('img', { name: /^(Restored|Mirrored, restored), step/ }).count()).toBeGreaterThan(0)
    expect(await why.getByText(/^similarity -?[01]\.\d{3}$/).count()).toBeGreaterThan(1)
    // The pictures are painted: a face has many colours.
    const colours = await why.locator('canvas').evaluateAll((canvases) =>
      canvases.map((canvas) => {
        const { data } = (canvas as HTMLCanvasElement).getContext('2d')?.getImageData(0, 0, 112, 112) ?? { data: [] }
        return new Set(data).size
      }),
    )
    expect(Math.min(...colours)).toBeGreaterThan(50)
    expect(errors).toEqual([])
  })
})

describe('photos that are not good enough', () => {
  it('are refused with the reason, its advice and the measure that is beyond its limit', async () => {
    const { page, errors } = await open()
    await upload(page, await blurred())
    expect(await verdict(page).textContent()).toContain('Refused')
    expect(await page.locator('.reasons li').first().textContent()).toMatch(/the picture is blurred/)
    expect(await page.locator('.measures .is-beyond').filter({ hasText: 'Sharpness' }).count()).toBe(1)
    expect(errors).toEqual([])
  })

  it('show the error when the file cannot be read', async () => {
    const { page, errors } = await open()
    await upload(page, broken())
    const alert = page.getByRole('alert')
    expect(await alert.textContent()).toMatch(/The image is damaged or cut off.*unreadable-image.*HTTP 422/)
    expect(await rows(page).first().textContent()).toContain('Not usable')
    // Chromium itself reports every answer of 400 and above.
    expect(errors).toEqual([expect.stringMatching(/^Failed to load resource.*422/)])
  })
})

describe('a service that is not there, or whose login has expired', () => {
  it.each([
    ['a login page', { status: 200, contentType: 'text/html', body: '<h1>Log in</h1>' }, /did not let this request/],
    [
      'a redirection to it',
      { status: 302, headers: { location: 'https://login.example/' } },
      /did not let this request/,
    ],
    ['401', { status: 401, body: 'no' }, /did not let this request/],
    ['502 of a proxy', { status: 502, contentType: 'text/html', body: 'bad gateway' }, /The server answered 502/],
    ['nothing', undefined, /The server does not answer/],
  ])('%s: says so, goes on, and the photo can be tried again', async (_, answer, title) => {
    const { page, errors } = await open()
    await page.route('**/api/**', (route) => (answer ? route.fulfill(answer) : route.abort()))
    await upload(page, await portrait())
    expect(await page.getByRole('alert').textContent()).toMatch(title)
    await page.getByText('no connection').waitFor()
    await page.unroute('**/api/**')
    await page.getByRole('button', { name: 'Try again' }).click()
    await verdict(page).getByText('Accepted').waitFor()
    await page.getByText('no connection').waitFor({ state: 'detached' })
    expect(errors.filter((text) => !/^Failed to load resource/.test(text))).toEqual([])
    expect(await page.getByRole('button', { name: 'Try again' }).count()).toBe(0)
  })
})

describe('the thresholds', () => {
  it('judge everything on the page again, by slider and keyboard, and come back', async () => {
    const { page, errors } = await open()
    await upload(page, await portrait(), await blurred())
    const summary = page.locator('.summary')
    expect(await summary.textContent()).toContain('1 of 2 faces would be refused (50 %)')
    expect(await verdict(page).textContent()).toContain('Accepted')

    const reject = page.getByLabel('Refuse below')
    await reject.fill('0.99')
    expect(await verdict(page).textContent()).toContain('Refused')
    expect(await summary.textContent()).toContain('2 of 2 faces would be refused (100 %)')
    expect(await page.locator('.code').textContent()).toContain('rejectBelow: 0.99')

    await reject.fill('0.01')
    await page.getByLabel('Accept from').focus()
    await page.keyboard.press('Home')
    expect(await summary.textContent()).toContain('0 of 2 faces')
    expect(await rows(page).getByText('Accepted').count()).toBe(2)
    await page.keyboard.press('ArrowRight')
    expect(await page.locator('.slider.is-accept strong').textContent()).toBe('0.01')

    await page.getByRole('button', { name: 'As in force' }).click()
    expect(await summary.textContent()).toContain('1 of 2 faces')
    await page.getByRole('button', { name: 'Enrolment' }).click()
    expect(await page.getByRole('button', { name: 'Enrolment' }).getAttribute('aria-pressed')).toBe('true')
    expect(errors).toEqual([])
  })
})

describe('the table', () => {
  it('sorts, selects and is exported', async () => {
    const { page, errors } = await open()
    await upload(page, group(), await blurred())
    const scores = async (): Promise<number[]> =>
      (await page.locator('.batch tbody td:nth-child(3)').allTextContents()).map(Number)
    const header = page.getByRole('columnheader', { name: 'Score' })
    await header.getByRole('button').focus()
    await page.keyboard.press('Enter')
    expect(await header.getAttribute('aria-sort')).toBe('ascending')
    const ascending = await scores()
    expect(ascending).toEqual(ascending.toSorted((a, b) => a - b))
    await page.keyboard.press('Enter')
    expect(await scores()).toEqual(ascending.toReversed())

    await rows(page).first().getByRole('button').focus()
    await page.keyboard.press('Enter')
    expect(await page.locator('.view .score strong').textContent()).toBe(ascending.at(-1)?.toFixed(2))

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Export CSV' }).click(),
    ])
    const lines = readFileSync(await download.path(), 'utf8')
      .trimEnd()
      .split('\r\n')
    expect(lines).toHaveLength(7)
    expect(lines[0]).toMatch(/^photo,face,decision,weight,score,sigma/)
    expect(lines.at(-1)).toMatch(/^blurred\.jpg,0,reject,0,/)
    await page.getByRole('button', { name: 'Clear' }).click()
    expect(await page.locator('.batch').count()).toBe(0)
    expect(errors).toEqual([])
  })
})

describe('thirty photos', () => {
  it('are all judged, and what is chosen below is shown above', async () => {
    const { page, errors } = await open()
    const face = await sampleFace('f')
    const turned = (i: number) =>
      sharp(face)
        .rotate(i / 4)
        .jpeg()
        .toBuffer()
    const photos = Array.from({ length: 30 }, async (_, i) => ({ name: `photo ${i}.jpg`, buffer: await turned(i) }))
    await upload(page, ...(await Promise.all(photos)))
    expect(await rows(page).count()).toBe(30)
    expect(await page.locator('.summary').textContent()).toContain('of 30 faces')
    await page.getByRole('button', { name: 'photo 29.jpg' }).click()
    const shown = page.locator('.stage .name')
    expect(await shown.textContent()).toBe('photo 29.jpg')
    const box = await shown.boundingBox()
    expect(box && box.y > 0 && box.y < 900).toBe(true)
    expect(errors).toEqual([])
  })
})

describe('photos on other ways', () => {
  it.each(['drop', 'paste'])('come by %s', async (way) => {
    const { page, errors } = await open()
    const { buffer } = await portrait()
    await page.evaluate(
      ([type, text]) => {
        const transfer = new DataTransfer()
        const bytes = Uint8Array.from(atob(text as string), (letter) => letter.charCodeAt(0))
        transfer.items.add(new File([bytes], `by ${type}.jpg`, { type: 'image/jpeg' }))
        document.dispatchEvent(
          type === 'drop'
            ? new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true })
            : new ClipboardEvent('paste', { clipboardData: transfer, bubbles: true }),
        )
      },
      [way, buffer.toString('base64')] as const,
    )
    await page.getByText(`by ${way}.jpg`).first().waitFor()
    await verdict(page).waitFor()
    expect(await verdict(page).textContent()).toContain('Accepted')
    expect(errors).toEqual([])
  })

  it('come from the camera, judged live, and the camera is let go', async () => {
    const { page, errors } = await open({ permissions: ['camera'] })
    await page.getByRole('button', { name: 'Use the camera' }).click()
    await page.locator('button.face-box').first().waitFor()
    const live = page.getByRole('region', { name: "Verdict on the camera's picture" })
    expect(await live.locator('.badge').textContent()).toMatch(/Accepted|Weighed down|Refused/)
    await page.getByRole('button', { name: 'Keep this frame' }).click()
    await rows(page).first().waitFor()
    expect(await rows(page).first().textContent()).toContain('webcam')
    const track = await page.evaluateHandle(
      () =>
        [...document.querySelectorAll('video')].flatMap(({ srcObject }) => (srcObject as MediaStream).getTracks())[0],
    )
    await page.getByRole('button', { name: 'Stop the camera' }).click()
    // The page lets go of it after it was drawn without the picture.
    await expect.poll(() => track.evaluate((one) => one?.readyState)).toBe('ended')
    await expect.poll(() => page.locator('video').count()).toBe(0)
    expect(errors).toEqual([])
  })

  it('come from the camera no more when it is taken away', async () => {
    const { page, errors } = await open({ permissions: ['camera'] })
    await page.getByRole('button', { name: 'Use the camera' }).click()
    await page.locator('button.face-box').first().waitFor()
    // What a browser tells of a camera that is unplugged.
    await page.locator('video').evaluate((video: HTMLVideoElement) => {
      for (const track of (video.srcObject as MediaStream).getTracks()) track.dispatchEvent(new Event('ended'))
    })
    await page.getByText('The camera was taken away.').waitFor()
    expect(await page.locator('button.face-box').count()).toBe(0)
    expect(errors).toEqual([])
  })
})

describe('the strip', () => {
  it("shows the service's requests, not the page's", async () => {
    const { page } = await open()
    await upload(page, await blurred())
    const before = await page.locator('.rate strong').textContent()
    for (const { buffer } of [await portrait(), await blurred()]) await check(buffer)
    expect(before).toBe('no requests in ten minutes')
    await page.getByText('50 % of 2 refused').waitFor()
  })
})

describe('everybody', () => {
  it.each([
    ['light', { width: 1280, height: 900 }],
    ['dark', { width: 1280, height: 900 }],
    ['light', { width: 390, height: 844 }],
    ['dark', { width: 390, height: 844 }],
  ] as const)('finds nothing serious in the way, %s, %j, and nothing sticks out', async (colorScheme, viewport) => {
    const { page } = await open({ colorScheme, viewport })
    expect(await faults(page)).toEqual([])
    await upload(page, group(), await blurred(), broken())
    await page.getByRole('button', { name: 'Show me why' }).click()
    await page.locator('.versions').waitFor()
    if (viewport.width < 800) await page.getByText(/^Measures/).click()
    await page.locator('.measures').waitFor()
    await page.getByLabel('Refuse below').fill('0.8')
    expect(await faults(page)).toEqual([])
    await page.getByRole('button', { name: 'broken.jpg' }).click()
    expect(await faults(page)).toEqual([])
    const { scrollWidth, clientWidth } = await page.evaluate(() => document.documentElement)
    expect(scrollWidth).toBe(clientWidth)
  })

  it('can do everything by keyboard alone', async () => {
    const { page } = await open()
    await upload(page, await blurred())
    const reached = new Set<string>()
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur())
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab')
      reached.add(
        await page.evaluate(() => {
          const element = document.activeElement
          return (
            element?.getAttribute('aria-label') ?? element?.closest('label')?.textContent ?? element?.textContent ?? ''
          )
        }),
      )
    }
    const all = [...reached].join('\n')
    for (const name of ['Choose photos', 'Use the camera', 'Full DifFIQA', 'Face 1:', 'Show me why', 'Measures'])
      expect(all).toContain(name)
    for (const name of ['Probe', 'Enrolment', 'Refuse below', 'Accept from', 'strict', 'Export CSV', 'Clear', 'Score'])
      expect(all).toContain(name)
  })
})

describe('privacy', () => {
  it('nothing leaves for another place, nothing is kept, nothing is written', async () => {
    const { page, requests } = await open()
    await upload(page, group())
    await page.getByRole('button', { name: 'Show me why' }).click()
    await page.locator('.versions').waitFor()
    expect(requests.length).toBeGreaterThan(4)
    expect(requests.filter((address) => !address.startsWith(`${server.url}/console/`))).toEqual([])
    const kept = await page.context().storageState({ indexedDB: true })
    expect(kept).toEqual({ cookies: [], origins: [] })
    expect(server.output.trim().split('\n')).toHaveLength(1)
  })
})

describe('the pictures of the documentation', () => {
  const IMAGES = 'docs/images'
  const wide = { viewport: { width: 1280, height: 940 }, deviceScaleFactor: 1.5 }
  const narrow = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2 }
  /** Head and shoulders of three people, one of them in coloured light. */
  const team = async () => ({
    name: 'team.jpg',
    buffer: await sharp(samplePhoto(3))
      .extract({ left: 420, top: 120, width: 1480, height: 680 })
      .jpeg({ quality: 92 })
      .toBuffer(),
  })
  const unlit = async () => ({
    name: 'in the dark.jpg',
    buffer: await sharp(await sampleFace('f'))
      .linear(0.1, 0)
      .jpeg()
      .toBuffer(),
  })

  /** Photos of all kinds, one face explained. */
  async function fill(page: Page): Promise<void> {
    for (const { buffer } of [await portrait(), await blurred(), await portrait(), await unlit(), await portrait()])
      await check(buffer)
    await upload(page, await team(), await portrait(), await blurred(), await unlit(), broken())
    await page.locator('button.face-box').nth(1).click()
    await page.getByRole('button', { name: 'Show me why' }).click()
    await page.locator('.versions').waitFor()
    await page.mouse.move(0, 0)
    await page.evaluate(() => scrollTo(0, 0))
  }

  async function keep(name: string, picture: Buffer): Promise<void> {
    const webp = await sharp(picture).webp({ quality: 80 }).toBuffer()
    expect(webp.length).toBeLessThan(200_000)
    const file = join(IMAGES, `${name}.webp`)
    if (process.env.UPDATE_IMAGES) writeFileSync(file, webp)
    const [kept, made] = await Promise.all([sharp(file).metadata(), sharp(webp).metadata()])
    expect(kept.width).toBe(made.width)
  }

  it.each(['light', 'dark'] as const)('are made of this page, %s', async (colorScheme) => {
    const { page } = await open({ ...wide, colorScheme })
    await fill(page)
    await keep(`console-${colorScheme}`, await page.screenshot())
    await page.getByLabel('Refuse below').fill('0.72')
    const thresholds = page.locator('.thresholds')
    await thresholds.scrollIntoViewIfNeeded()
    await keep(`console-thresholds-${colorScheme}`, await thresholds.screenshot())
    await keep(`console-table-${colorScheme}`, await page.locator('.batch').screenshot())
  })

  it('are made of a phone, too', async () => {
    const { page } = await open({ ...narrow, colorScheme: 'light' })
    await upload(page, await blurred())
    await keep('console-phone', await page.screenshot())
  })
})
