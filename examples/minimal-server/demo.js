// The README's main job: sample faces and degraded copies of them through the example server, and what became of each.
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import sharp from 'sharp'
import { anotherCapture, cut, PEOPLE, STRANGER } from '../sample-faces.js'
import { startServer } from './server.js'

/** Stand-ins for other captures of the same person, degraded. */
const COPIES = {
  'another capture': async (face) => anotherCapture(face),
  'blurred a little': async (face) => sharp(await anotherCapture(face).toBuffer()).blur(4),
  'blurred badly': async (face) => sharp(await anotherCapture(face).toBuffer()).blur(12),
  'shrunk to 16 px': async (face) => {
    const { width } = await sharp(face).metadata()
    const small = await sharp(face)
      .resize({ width: Math.round(width / 18) })
      .toBuffer()
    return sharp(small).resize({ width })
  },
  'in the dark': async (face) => sharp(face).linear(0.1, 0),
  'JPEG quality 4': async (face) => sharp(face).jpeg({ quality: 4 }),
}

/** JPEG of a copy. */
async function copyOf(face, kind) {
  const copy = await COPIES[kind](face)
  return kind.startsWith('JPEG') ? copy.toBuffer() : copy.jpeg({ quality: 90 }).toBuffer()
}

async function send(url, method, photo) {
  const start = performance.now()
  const response = await fetch(url, { method, body: photo, headers: { 'content-type': 'image/jpeg' } })
  const answer = await response.json()
  return { ...answer, status: response.status, tookMs: Math.round(performance.now() - start) }
}

/** The wanted port, or any other when something listens there already. */
function freePort(wanted) {
  return new Promise((done) => {
    const trial = createServer()
    trial.once('error', () => done(0)).listen(wanted, host, () => trial.close(() => done(wanted)))
  })
}

/** Two photos a second of all kinds, most of them good, for dashboards to show; the person differs from one to the next. */
async function keepSending(url) {
  const faces = await Promise.all(Object.values({ ...PEOPLE, none: STRANGER }).map(cut))
  const kinds = Object.keys(COPIES)
  for (let i = 0; ; i++) {
    const kind = kinds[i % 4 === 3 ? Math.floor(i / 4) % kinds.length : 0]
    await send(`${url}/identify`, 'POST', await copyOf(faces[i % faces.length], kind))
    await sleep(500)
  }
}

const { HOST: host = '127.0.0.1', PORT = '3000' } = process.env
const WIDTHS = [6, 17, 12, 6, 6, 11, 28, 8, 8]
const COLOURS = { accept: 'green', 'down-weight': 'yellow', reject: 'red', refused: 'red', failed: 'magenta' }

function row(cells, colour) {
  const text = cells.map((cell, index) => String(cell ?? '').padEnd(WIDTHS[index] ?? 0)).join('  ')
  console.log(colour && process.stdout.isTTY ? styleText(colour, text) : text)
}

function matcherSaid({ status, candidates }) {
  if (status === 422) return 'not called'
  const [best] = candidates ?? []
  if (!best) return `error ${status}`
  const score = `${best.rawScore.toFixed(2)}${best.weight < 1 ? ` -> ${best.adjustedScore.toFixed(2)}` : ''}`
  return best.match ? `${best.subject} (${score})` : `nobody (best: ${best.subject} ${score})`
}

function report(person, photo, answer) {
  const { score, sigma, method, reasons = [], gateMs, tookMs } = answer
  // Without a face there is nothing to judge: such a photo is refused, not rejected.
  const refusal = answer.code === 'quality-rejected' ? 'reject' : answer.status === 422 ? 'refused' : 'failed'
  const decision = answer.decision ?? refusal
  const why = [...new Set(reasons.map(({ code }) => code))].join(' ') || (answer.code ?? '')
  const said = answer.subject ? `enrolled ${answer.subject}` : matcherSaid(answer)
  row(
    [person, photo, decision, score?.toFixed(2), sigma?.toFixed(2), method, why, gateMs ?? '', tookMs, said],
    COLOURS[decision],
  )
  return decision
}

console.log('Starting the example server: the gate in front of @vladmandic/human …')
const port = process.argv.includes('--once') ? 0 : await freePort(Number(PORT))
const { url, close } = await startServer({ port, host })
row(['person', 'photo', 'verdict', 'score', 'sigma', 'method', 'reasons', 'gate ms', 'HTTP ms', 'the matcher'], 'bold')

const seen = new Set()
for (const [person, place] of Object.entries(PEOPLE))
  seen.add(report(person, 'to enrol', await send(`${url}/people/${person}`, 'PUT', await cut(place))))
for (const [person, place] of Object.entries({ ...PEOPLE, '(none)': STRANGER })) {
  const face = await cut(place)
  for (const photo of Object.keys(COPIES))
    seen.add(report(person, photo, await send(`${url}/identify`, 'POST', await copyOf(face, photo))))
}

console.log(`
score: probability that a genuine comparison passes; sigma: its uncertainty; a raw score "-> adjusted" was down-weighted.
"another capture" is a rotated, relit and re-encoded copy, not a second photo. "(none)" was never enrolled.`)

if (process.argv.includes('--once')) {
  await close()
  const complete = ['accept', 'down-weight', 'reject'].every((decision) => seen.has(decision)) && !seen.has('failed')
  console.log(complete ? 'All verdicts were seen.' : `Something is missing: ${[...seen].join(', ')}`)
  process.exitCode = complete ? 0 : 1
} else {
  console.log(`
Serving until Ctrl-C. Open ${url} and send a photo of your own, or:
  curl -T me.jpg ${url}/people/me        enrol yourself
  curl -F photo=@other.jpg ${url}/identify
  curl ${url}/metrics`)
  if (process.argv.includes('--traffic')) {
    console.log('Two photos a second until then.')
    await keepSending(url)
  }
}
