// Starts the service, enrols the people of the sample photos and shows what it does with other photos of them; then it serves.
// `--once` ends it after that.
import sharp from 'sharp'
import { anotherCapture, cut, PEOPLE, STRANGER } from '../sample-faces.js'
import { openDatabase } from './database.js'
import { startService } from './service.js'

const once = process.argv.includes('--once')
const { DATABASE_URL, PORT = once ? '0' : '3000', HOST } = process.env

const database = await openDatabase(DATABASE_URL)
const service = await startService({ pool: database.pool, port: Number(PORT), ...(HOST && { host: HOST }) })
console.log(`People are kept in ${DATABASE_URL ? 'PostgreSQL' : 'this process (PGlite)'}.`)

async function send(method, path, photo) {
  const headers = { 'content-type': 'image/jpeg' }
  const response = await fetch(`${service.url}${path}`, { method, headers, body: photo })
  return { status: response.status, body: await response.json() }
}

function tell(what, { status, body }, said) {
  const why = (body.reasons ?? []).map(({ code }) => code).join(', ')
  console.log([String(status), what.padEnd(26), body.code ? `${body.code}${why && ` (${why})`}` : said].join('  '))
}

let failures = 0
const check = (isFine) => {
  if (!isFine) failures++
}

for (const [name, place] of Object.entries(PEOPLE)) {
  const answer = await send('PUT', `/people/${name}`, await cut(place))
  tell(`enrol ${name}`, answer, `enrolled, quality ${answer.body.quality}`)
  // A database that is kept knows them already.
  check([201, 409, 422].includes(answer.status))
}
const known = new Set((await (await fetch(`${service.url}/people`)).json()).map(({ subject }) => subject))

for (const [name, place] of Object.entries({ ...PEOPLE, stranger: STRANGER })) {
  const face = await cut(place)
  const capture = await anotherCapture(face).jpeg({ quality: 90 }).toBuffer()
  const answer = await send('POST', '/identify', capture)
  tell(`identify ${name}`, answer, answer.body.subject ? `it is ${answer.body.subject}` : 'nobody who is enrolled')
  // A photo may be refused; a wrong name may never be given.
  check(answer.status === 422 || answer.body.subject === (known.has(name) ? name : null))
  const blurred = await send('POST', '/identify', await sharp(face).blur(12).jpeg().toBuffer())
  tell(`identify ${name}, blurred`, blurred, 'taken')
  check(blurred.status === 422)
}
check(known.size > 0)

async function stop() {
  await service.close()
  await database.close()
}

if (once) {
  await stop()
  console.log(failures === 0 ? 'All as expected.' : `${failures} answers are not as expected.`)
  process.exitCode = failures === 0 ? 0 : 1
} else {
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop().then(() => process.exit(0)))
  console.log(`
Serving until Ctrl-C:
  curl -T me.jpg ${service.url}/people/me
  curl -F photo=@other.jpg ${service.url}/identify
  curl ${service.url}/people`)
}
