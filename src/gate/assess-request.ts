import { DiffiqaError } from '../errors.ts'
import type { Face, Photo } from '../face/types.ts'
import type { Purpose } from '../inference/manifest.ts'
import { checkKeys, checkNumber, checkOneOf, invalidOption } from './check-keys.ts'
import type { FaceSelection } from './face-selection.ts'
import { DEADLINE_RANGE, MODES, ON_FAILURE, PIXELS_RANGE } from './options.ts'
import { PURPOSES } from './policy.ts'
import type { AssessOptions, Mode, OnFailure } from './types.ts'

/** One call of `assess()`, complete and checked. */
export interface AssessRequest {
  readonly bytes: Uint8Array
  readonly purpose: Purpose
  readonly faces: FaceSelection
  readonly mode: Mode
  readonly onFailure: OnFailure
  /** Instant of `performance.now()`. */
  readonly deadline: number
  readonly maxPixels: number
  readonly full: boolean
  readonly crops: boolean
  readonly report: boolean
  readonly signal: AbortSignal | undefined
  readonly detected: readonly Face[] | undefined
  readonly group: string | undefined
}

export interface RequestDefaults {
  readonly mode: Mode
  readonly onFailure: OnFailure
  readonly deadlineMs: number
  readonly maxPixels: number
}

const KEYS = [
  'purpose',
  'faces',
  'mode',
  'onFailure',
  'deadlineMs',
  'maxPixels',
  'full',
  'signal',
  'detected',
  'group',
  'crops',
  'report',
] as const satisfies readonly (keyof AssessOptions)[]

const CHOICES = {
  purpose: PURPOSES,
  faces: ['one', 'largest', 'all'],
  mode: MODES,
  onFailure: ON_FAILURE,
  full: [true, false],
  crops: [true, false],
  report: [true, false],
} as const

function bytesOf(photo: Photo | Uint8Array): Uint8Array {
  const bytes = photo instanceof Uint8Array ? photo : (photo as Photo | null | undefined)?.bytes
  if (!(bytes instanceof Uint8Array)) throw invalidOption('photo', 'A photo is encoded bytes: a Uint8Array or Buffer')
  if (bytes.length === 0) throw new DiffiqaError('empty-body', 'The photo has no bytes')
  return bytes
}

function isUsable(face: Face | null | undefined): boolean {
  if (!face || !Array.isArray(face.landmarks) || face.landmarks.length !== 5) return false
  const { x, y, width, height } = face.box ?? {}
  const points = face.landmarks.flatMap((point) => [point?.x, point?.y])
  return [x, y, width, height, ...points].every(Number.isFinite) && face.interEyeDistance > 0 && width > 0 && height > 0
}

function checkDetected(detected: unknown): void {
  if (!Array.isArray(detected)) throw invalidOption('detected', 'detected must be a list of faces')
  if (!detected.every(isUsable))
    throw invalidOption(
      'detected',
      'detected must hold faces with a box and five landmarks in pixels of the upright photo',
    )
}

/**
 * @param now Instant of the call.
 * @throws DiffiqaError `invalid-option`, `empty-body`.
 */
export function resolveRequest(
  photo: Photo | Uint8Array,
  options: AssessOptions,
  defaults: RequestDefaults,
  now: number,
): AssessRequest {
  checkKeys('', options, KEYS)
  for (const [key, allowed] of Object.entries(CHOICES)) {
    const value = options[key as keyof typeof CHOICES]
    if (value !== undefined) checkOneOf(key, value, allowed)
  }
  const { deadlineMs = defaults.deadlineMs, maxPixels = defaults.maxPixels, signal, detected, group } = options
  checkNumber('deadlineMs', deadlineMs, DEADLINE_RANGE)
  checkNumber('maxPixels', maxPixels, PIXELS_RANGE)
  if (detected !== undefined) checkDetected(detected)
  if (group !== undefined && typeof group !== 'string') throw invalidOption('group', 'group must be a string')
  // By shape: signals of other realms and of ponyfills abort as well.
  if (signal !== undefined && (typeof signal?.aborted !== 'boolean' || typeof signal.addEventListener !== 'function'))
    throw invalidOption('signal', 'signal must be an AbortSignal')
  return {
    bytes: bytesOf(photo),
    purpose: options.purpose ?? 'probe',
    faces: options.faces ?? 'one',
    mode: options.mode ?? defaults.mode,
    onFailure: options.onFailure ?? defaults.onFailure,
    deadline: now + deadlineMs,
    maxPixels,
    full: options.full ?? false,
    crops: options.crops ?? false,
    report: options.report ?? true,
    signal,
    detected,
    group,
  }
}
