import type { Request } from 'express'
import { checkKeys, checkNumber, checkOneOf, invalidOption } from '../gate/check-keys.ts'
import type { Gate } from '../gate/gate.ts'
import type { Mode, OnFailure } from '../gate/types.ts'
import type { Purpose } from '../inference/manifest.ts'
import { byContentType } from './by-content-type.ts'
import type { ProbeSource } from './sources.ts'

export interface FaceQualityOptions {
  /**
   * Where the photo is in the request: `raw()`, `multipart(field)`, `base64(jsonField)`, `dataUrl(jsonField)`, or a function of the request.
   * @default by content type: multipart/form-data and JSON in the field `photo`, everything else as the bare bytes
   */
  readonly from?: ProbeSource
  /** Most bytes of the photo (decoded, where it comes as base64). @default 8 MiB */
  readonly maxBytes?: number
  /** Most pixels of the photo, read from its header before decoding. @default the gate's maxPixels */
  readonly maxPixels?: number
  /** `one` refuses photos with several faces, `largest` judges the largest, `all` judges each and refuses when none is good enough. @default 'one' */
  readonly faces?: 'one' | 'largest' | 'all'
  /** `enrolment` takes the stricter thresholds. @default 'probe' */
  readonly purpose?: Purpose
  /** `shadow` and `annotate` score and count but refuse no photo. @default the gate's mode */
  readonly mode?: Mode
  /** What becomes of a request whose photo could not be scored. @default the gate's onFailure */
  readonly onFailure?: OnFailure
  /** Milliseconds for scoring, from the end of the upload. @default the gate's deadlineMs */
  readonly deadlineMs?: number
  /** Milliseconds for receiving the photo. @default 10,000 */
  readonly uploadTimeoutMs?: number
  /**
   * What the verdict counts under in the metrics' label `group`, such as the kind of camera; needs `groups` of `createMetrics()`. Never
   * derive it from the photo or the person. @default no group
   */
  readonly group?: (req: Request) => string | undefined
  /** Send the `Face-Quality` header (RFC 9651) with the verdict, the score rounded to two decimals. @default false */
  readonly headers?: boolean
  /** `respond` answers a refusal with problem details; `next` calls `next(error)` with the {@link DiffiqaError}. @default 'respond' */
  readonly onReject?: 'respond' | 'next'
}

/** Every option decided, but those that the gate decides at each request. */
export interface ResolvedOptions {
  readonly from: ProbeSource
  readonly maxBytes: number
  readonly maxPixels: number | undefined
  readonly faces: 'one' | 'largest' | 'all'
  readonly purpose: Purpose
  readonly mode: Mode | undefined
  readonly onFailure: OnFailure | undefined
  readonly deadlineMs: number | undefined
  readonly uploadTimeoutMs: number
  readonly group: FaceQualityOptions['group']
  readonly headers: boolean
  readonly onReject: 'respond' | 'next'
}

const DEFAULTS: ResolvedOptions = {
  from: byContentType('photo'),
  maxBytes: 8 * 1024 * 1024,
  maxPixels: undefined,
  faces: 'one',
  purpose: 'probe',
  mode: undefined,
  onFailure: undefined,
  deadlineMs: undefined,
  uploadTimeoutMs: 10_000,
  group: undefined,
  headers: false,
  onReject: 'respond',
}

const CHOICES = {
  faces: ['one', 'largest', 'all'],
  purpose: ['probe', 'enrolment'],
  mode: ['enforce', 'shadow', 'annotate'],
  onFailure: ['reject', 'pass'],
  onReject: ['respond', 'next'],
  headers: [true, false],
} as const

const COUNTS = ['maxBytes', 'maxPixels', 'deadlineMs', 'uploadTimeoutMs'] as const
/** Longest that a timer of Node runs. */
const MAX_COUNT = 2 ** 31 - 1

/** @throws DiffiqaError `invalid-option` (details.option) for an unknown key or an unusable value. */
export function resolveOptions(options: FaceQualityOptions = {}): ResolvedOptions {
  checkKeys('', options, Object.keys(DEFAULTS))
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  for (const [option, choices] of Object.entries(CHOICES))
    if (option in given) checkOneOf(option, given[option], choices)
  for (const option of COUNTS)
    if (option in given) checkNumber(option, given[option], { min: 1, max: MAX_COUNT, integer: true })
  if ('from' in given && typeof given.from !== 'function')
    throw invalidOption('from', 'from must be a probe source, such as multipart("photo"), or a function of the request')
  if ('group' in given && typeof given.group !== 'function')
    throw invalidOption('group', 'group must be a function of the request')
  return Object.freeze({ ...DEFAULTS, ...given })
}

/** @throws DiffiqaError `invalid-option` for something else than a gate, such as the promise of one. */
export function requireGate(gate: Gate): void {
  if (typeof gate?.assess !== 'function')
    throw invalidOption('gate', 'The first argument must be a gate; was the promise of createGate() awaited?')
}
