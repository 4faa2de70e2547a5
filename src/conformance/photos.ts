import type { Probe } from '../adapters/matcher.ts'
import { createProbe, type FaceQuality } from '../adapters/probe.ts'
import { createGate } from '../gate/create-gate.ts'
import type { Assessment, Decision, Mode, Verdict } from '../gate/types.ts'
import type { MatcherCapabilities, TestPhotos } from './types.ts'

/** Thresholds of the gate that the suite uses. */
export const THRESHOLDS = {
  probe: { rejectBelow: 0.4, acceptFrom: 0.7, minWeight: 0.5 },
  enrolment: { rejectBelow: 0.6, acceptFrom: 0.8, minWeight: 0.5 },
} as const

/** Qualities that are rejected, down-weighted and accepted, also for enrolment. */
export const QUALITY = { bad: 0.1, fair: 0.55, good: 0.95 } as const

export type PhotoName = keyof TestPhotos

/** Photos that were looked at once, and stand for photos of any quality. */
export interface Photos {
  /** @param onUse Told each time a matcher reads something of the probe. */
  of(name: PhotoName, quality: number, mode: Mode, onUse: () => void): FaceQuality
}

/** Assess the photos; without `assess`, by a gate that is closed again at once. */
export async function openPhotos({ photos, assess }: MatcherCapabilities): Promise<Photos> {
  const bytes = typeof photos === 'function' ? await photos() : photos
  const assessments = await (assess ? assessAll(bytes, assess) : byGate(bytes))
  // One probe for all checks: what a photo looks like in an SDK's shape is made once.
  const probeOf = (name: PhotoName): Probe => createProbe(bytes[name], assessments[name])
  const probes = { person: probeOf('person'), again: probeOf('again'), other: probeOf('other') }
  return {
    of(name, quality, mode, onUse) {
      const assessment = assessments[name]
      const verdict = verdictOf(assessment, quality, mode)
      const probe = watched(probes[name], onUse)
      return { ...assessment, verdict, verdicts: [verdict], bytes: bytes[name], probe }
    },
  }
}

async function byGate(photos: TestPhotos): Promise<Record<PhotoName, Assessment>> {
  await using gate = await createGate({ workers: 1, deadlineMs: 30_000 })
  return await assessAll(photos, (photo) => gate.assess(photo, { crops: true, faces: 'largest' }))
}

async function assessAll(
  photos: TestPhotos,
  assess: (photo: Uint8Array) => Promise<Assessment>,
): Promise<Record<PhotoName, Assessment>> {
  const { person, again, other } = photos
  return { person: await assess(person), again: await assess(again), other: await assess(other) }
}

function verdictOf({ verdict }: Assessment, value: number, mode: Mode): Verdict {
  const { rejectBelow, acceptFrom } = THRESHOLDS.probe
  const decision: Decision = value < rejectBelow ? 'reject' : value < acceptFrom ? 'down-weight' : 'accept'
  return {
    ...verdict,
    decision,
    weight: { reject: 0, 'down-weight': 0.75, accept: 1 }[decision],
    score: { value, sigma: 0.02, method: 'diffiqa-r', raw: value, modelVersion: 'conformance' },
    reasons: [],
    degraded: false,
    purpose: 'probe',
    mode,
    thresholds: { rejectBelow, acceptFrom },
  }
}

/** The same probe; each look at it is told. */
function watched(probe: Probe, onUse: () => void): Probe {
  return new Proxy(probe, {
    get(target, key) {
      onUse()
      const value = Reflect.get(target, key)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
