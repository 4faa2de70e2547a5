import { createHash } from 'node:crypto'
import type { AuditCounts } from './audit-actions.ts'
import { type AuditAction, type AuditedPhoto, keyOf } from './audit-record.ts'
import { ACTION_TEXTS } from './audit-texts.ts'
import { escapeHtml } from './escape-html.ts'

export interface AuditPage {
  readonly photos: readonly AuditedPhoto[]
  readonly people: AuditCounts & { readonly all: number }
  /** `data:` address of a photo's picture. */
  readonly pictures: (photo: AuditedPhoto) => Promise<string | undefined>
  /** Most photos on the page, the worst ones. */
  readonly top: number
  readonly date: Date
  readonly policy: string
}

const STYLE = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:60rem;margin:0 auto;padding:1.5rem}
h1{font-size:1.6rem;margin:0 0 .25rem}h2{margin:2.5rem 0 .25rem;font-size:1.25rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.75rem;margin:1.5rem 0}
dl div{border:1px solid #8886;border-radius:.5rem;padding:.6rem .8rem}dt{font-size:.85rem}dd{margin:0;font-size:1.6rem;font-weight:600}
ul.photos{list-style:none;margin:1rem 0;padding:0}
ul.photos>li{display:flex;gap:1rem;padding:.9rem 0;border-top:1px solid #8886;break-inside:avoid}
img,.blank{width:80px;height:80px;object-fit:cover;border-radius:.4rem;flex:none}
.blank{background:#8883;display:grid;place-items:center;font-size:.75rem}
h3{margin:0;font-size:1rem;overflow-wrap:anywhere}.file{font-size:.85rem;overflow-wrap:anywhere;opacity:.8}
p{margin:.1rem 0}.reasons{margin:.25rem 0 0;padding-left:1.2rem}
@media print{body{max-width:none;padding:0}}`

/** The page needs nothing but itself: whatever a name in it may hold, no script runs and nothing is fetched. */
const CSP = `default-src 'none'; img-src data:; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; base-uri 'none'; form-action 'none'`

/** Sections of the page, in this order; photos to keep are only counted. */
const SECTIONS: readonly AuditAction[] = ['re-enrol', 'remove', 'improve', 'unknown']

/** The report as one HTML file, piece by piece: pictures of one photo at a time are in memory. */
export async function* auditHtml(page: AuditPage): AsyncGenerator<string, void, undefined> {
  const { photos, people, top, date, policy } = page
  const [first] = photos
  const urgent = SECTIONS.flatMap((action) => photos.filter((photo) => photo.action === action))
  const shown = new Set(urgent.slice(0, top).map(keyOf))
  yield `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(CSP)}">
<meta name="viewport" content="width=device-width">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>Audit of enrolled photos</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Audit of enrolled photos</h1>
<p>${escapeHtml(`${count(photos.length, 'photo')} of ${count(people.all, 'person', 'people')}, ${date.toISOString().slice(0, 10)}. `)}`
  if (first)
    yield escapeHtml(
      `Policy for enrolment: ${policy}; below ${first.thresholds.rejectBelow} refused, from ${first.thresholds.acceptFrom} good; models ${first.modelVersion}.`,
    )
  yield `</p>
<p>This file holds pictures and names of people. Keep it as you keep the photos.</p>
<dl>
${[...SECTIONS, 'keep' as const].map((action) => `<div><dt>${ACTION_TEXTS[action].people}</dt><dd>${people[action]}</dd></div>`).join('\n')}
</dl>
`
  for (const action of SECTIONS) {
    const own = photos.filter((photo) => photo.action === action)
    if (own.length === 0) continue
    yield `<h2>${ACTION_TEXTS[action].title}</h2>\n<p>${ACTION_TEXTS[action].what}</p>\n<ul class="photos">\n`
    for (const photo of own) if (shown.has(keyOf(photo))) yield item(photo, await page.pictures(photo))
    yield '</ul>\n'
    const left = own.filter((photo) => !shown.has(keyOf(photo))).length
    if (left > 0) yield `<p>And ${count(left, 'photo')} more, less bad than these: see the CSV file.</p>\n`
  }
  yield '</main>\n</body>\n</html>\n'
}

function item(photo: AuditedPhoto, picture: string | undefined): string {
  const { subject, file, reasons, error } = photo
  const image = picture
    ? `<img src="${escapeHtml(picture)}" alt="The enrolled photo" width="80" height="80">`
    : '<span class="blank">no picture</span>'
  const advice = reasons.map((reason) => `<li>${escapeHtml(reason.advice)}</li>`).join('')
  return `<li>${image}<div>
<h3><bdi>${escapeHtml(subject)}</bdi></h3>
${file === null ? '' : `<p class="file"><bdi>${escapeHtml(file)}</bdi></p>\n`}<p>${escapeHtml(verdict(photo))}</p>
${error && reasons.length === 0 ? `<p>${escapeHtml(error.message)}</p>\n` : ''}${advice ? `<ul class="reasons">${advice}</ul>\n` : ''}</div></li>
`
}

function verdict({ score, method, error, reasons }: AuditedPhoto): string {
  const codes = [...new Set(reasons.map(({ code }) => code))].join(', ') || error?.code
  const kept = method === 'kept' ? ' (kept at enrolment)' : ''
  return [score === null ? undefined : `Quality ${score.toFixed(2)}${kept}`, codes].filter(Boolean).join(': ')
}

const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`
