import { checkKeys, checkNumber, checkOneOf, invalidOption } from '../gate/check-keys.ts'
import {
  isPhoto,
  type JudgedFrame,
  judgeFrames,
  requireFrames,
  type UsableFrame,
  usableFrames,
} from '../gate/frames.ts'
import type { Gate } from '../gate/gate.ts'
import { qualityRejected } from '../gate/quality-rejected.ts'
import type { Verdict } from '../gate/types.ts'
import type { Purpose } from '../inference/manifest.ts'
import type { QualityScore } from '../quality/types.ts'
import { type AssessedProbe, assessProbe } from './assess-probe.ts'
import { callMatcher, type MatcherCall, reportCall } from './call-matcher.ts'
import { defineAdapter } from './define-adapter.ts'
import { downWeighting, fittedFor } from './down-weight.ts'
import type {
  Guarded,
  GuardedFramesResult,
  GuardedMethods,
  GuardedScore,
  GuardOptions,
  ProbeInput,
} from './guard-types.ts'
import type { CallOptions, Candidate, Comparison, Matcher, ScoreScale } from './matcher.ts'
import { poolFrames } from './pool-frames.ts'
import { readCandidates, readComparison, readEmbedding, readEnrolment } from './read-answer.ts'
import { requireSubject } from './subject.ts'

const DEFAULT_LIMIT = 5
const MATCHER_OPERATIONS = ['identify', 'verify', 'enrol', 'remove'] as const

/**
 * Put the gate in front of a matcher: the same methods, but a photo that the gate rejects never reaches the matcher, and scores of poor
 * photos are drawn towards the mean impostor score, so that the false match rate at the threshold can only fall.
 *
 * Each call is told as a `matcher` event of the gate: `ok`, `error`, `aborted`, or `withheld` when the matcher was not called.
 *
 * ```ts
 * const guarded = guard(human(instance), gate)
 * const { candidates } = await guarded.identify(photo)
 * ```
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function guard<M extends Matcher>(matcher: M, gate: Gate, options: GuardOptions = {}): Guarded<M> {
  defineAdapter(matcher)
  checkKeys('', options, ['mode', 'downWeight', 'threshold', 'faces'])
  const { scale, name } = matcher
  const { mode, faces = 'one', threshold = fittedFor(matcher, gate)?.threshold ?? scale.defaultThreshold } = options
  checkNumber('threshold', threshold, scale)
  checkOneOf('faces', faces, ['one', 'largest'])
  checkOneOf('mode', mode, [undefined, 'enforce', 'shadow', 'annotate'])
  const adjust = downWeighting(matcher, gate, options.downWeight)

  const call = (operation: MatcherCall['operation'], purpose: Purpose, signal?: AbortSignal): MatcherCall => ({
    gate,
    matcher: name,
    operation,
    purpose,
    signal,
  })

  /** The probe, if the matcher may have it. */
  async function admit(
    input: ProbeInput,
    context: MatcherCall,
    photo: 'probe' | 'reference' = 'probe',
  ): Promise<AssessedProbe> {
    const { purpose, signal } = context
    try {
      const assessed = await assessProbe(gate, input, { purpose, mode, faces, signal })
      if (assessed.mode === 'enforce' && assessed.verdict.decision === 'reject')
        throw qualityRejected(assessed.verdict, photo)
      return assessed
    } catch (error) {
      if (!signal?.aborted) reportCall(context, 'withheld', 0)
      throw error
    }
  }

  /** The frames, and those of them that the matcher may have, the best first. */
  async function admitFrames(
    frames: readonly ProbeInput[],
    { signal, ...context }: MatcherCall,
  ): Promise<{ readonly judged: readonly JudgedFrame<AssessedProbe>[]; readonly usable: readonly Admitted[] }> {
    requireFrames(frames, isPhoto)
    try {
      const judged = await judgeFrames(frames, async (frame) => {
        const value = await assessProbe(gate, frame, { purpose: 'probe', mode, faces, signal })
        return { verdict: value.verdict, value }
      })
      const usable = usableFrames(
        judged,
        ({ value, verdict }) => value.mode !== 'enforce' || verdict.decision !== 'reject',
      )
      return { judged, usable }
    } catch (error) {
      if (!signal?.aborted) reportCall({ signal, ...context }, 'withheld', 0)
      throw error
    }
  }

  /** In shadow and annotate the caller sees the raw score; the event tells what it would have become. */
  function score(answer: Candidate | Comparison, verdict: Verdict, enforced: boolean, reference?: Verdict): Scored {
    const { score: rawScore, source } = answer
    const known = [answer.referenceQuality, reference?.score?.value].filter((value) => value !== undefined)
    const would = adjust(rawScore, verdict, known.length > 0 ? Math.min(...known) : undefined)
    const { adjustedScore, weight } = enforced ? would : { adjustedScore: rawScore, weight: 1 }
    const match = scale.direction === 'similarity' ? adjustedScore >= threshold : adjustedScore < threshold
    return {
      shown: { rawScore, adjustedScore, weight, match, source },
      told: { rawScore: onUnit(rawScore, scale), adjustedScore: onUnit(would.adjustedScore, scale) },
    }
  }

  const methods: GuardedMethods = {
    async identify(input, { limit = DEFAULT_LIMIT, signal } = {}) {
      checkNumber('limit', limit, { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true })
      const context = call('identify', 'probe', signal)
      const { verdict, probe, mode } = await admit(input, context)
      return callMatcher(
        context,
        async () => matcher.identify?.(probe, { limit, ...pass(signal) }),
        (answer) => {
          const list = readCandidates(answer, scale)
          const scored = list.map((candidate) => score(candidate, verdict, mode === 'enforce'))
          const candidates = scored.map(({ shown }, index) => ({
            subject: (list[index] as Candidate).subject,
            ...shown,
          }))
          return { result: { verdict, candidates, answer: list }, ...(scored[0] && { scores: scored[0].told }) }
        },
      )
    },

    async identifyFrames(frames, { limit = DEFAULT_LIMIT, signal } = {}) {
      checkNumber('limit', limit, { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true })
      const context = call('identify', 'probe', signal)
      const { judged, usable } = await admitFrames(frames, context)
      const [best] = usable as [Admitted, ...Admitted[]]
      const { probe, mode } = best.value
      const scored = usable.flatMap(({ index, verdict: { score }, value }) =>
        score ? [{ index, probe: value.probe, quality: score.value }] : [],
      )
      const { embeddings } = matcher
      const ask = async (): Promise<FramesAnswer> => {
        if (!embeddings || scored.length < 2)
          return { list: await matcher.identify?.(probe, { limit, ...pass(signal) }), used: [best.index], count: 1 }
        const pooled = await poolFrames(embeddings, scored, mode === 'enforce' ? 1 : 0, pass(signal))
        const list = await embeddings.search(pooled.embedding, { limit, ...pass(signal) })
        return { list, used: pooled.used, count: pooled.effectiveCount, quality: pooled.quality }
      }
      return callMatcher(context, ask, ({ list: answer, used, count, quality }) => {
        const list = readCandidates(answer, scale)
        const { verdict } = best
        const weighed = quality === undefined || !verdict.score ? verdict : withValue(verdict, verdict.score, quality)
        const results = list.map((candidate) => score(candidate, weighed, mode === 'enforce'))
        const result: GuardedFramesResult = {
          verdict,
          candidates: results.map(({ shown }, i) => ({ subject: (list[i] as Candidate).subject, ...shown })),
          answer: list,
          frames: judged.map(({ verdict, error }, i) => ({ verdict, refusal: error?.code, used: used.includes(i) })),
          method: quality === undefined ? 'best-frame' : 'pooled',
          effectiveCount: count,
        }
        return { result, ...(results[0] && { scores: results[0].told }) }
      })
    },

    async verify(input, reference, { signal } = {}) {
      const context = call('verify', 'probe', signal)
      if (typeof reference !== 'object' || reference === null || !('subject' in reference || 'photo' in reference))
        throw invalidOption('reference', 'reference must be { subject } or { photo }')
      if ('subject' in reference) requireSubject(reference.subject)
      const { verdict, probe, mode } = await admit(input, context)
      const other = 'photo' in reference ? await admit(reference.photo, context, 'reference') : undefined
      const target = 'photo' in reference ? { probe: (other as AssessedProbe).probe } : { subject: reference.subject }
      return callMatcher(
        context,
        async () => matcher.verify?.(probe, target, pass(signal)),
        (given) => {
          const answer = readComparison(given, scale)
          const { shown, told } = score(answer, verdict, mode === 'enforce', other?.verdict)
          return { result: { verdict, referenceVerdict: other?.verdict, ...shown, answer }, scores: told }
        },
      )
    },

    async enrol(subject, input, { signal } = {}) {
      requireSubject(subject)
      const context = call('enrol', 'enrolment', signal)
      const { verdict, probe } = await admit(input, context)
      const quality = verdict.score?.value
      return callMatcher(
        context,
        async () => matcher.enrol?.(subject, probe, { ...pass(signal), ...(quality !== undefined && { quality }) }),
        (answer) => {
          const { subject: enrolled, source } = readEnrolment(answer)
          return { result: { verdict, subject: enrolled, source } }
        },
      )
    },

    async remove(subject, { signal } = {}) {
      requireSubject(subject)
      await callMatcher(
        call('remove', 'enrolment', signal),
        async () => matcher.remove?.(subject, pass(signal)),
        () => ({ result: undefined }),
      )
    },

    async embed(input, { signal } = {}) {
      const context = call(undefined, 'probe', signal)
      const { verdict, probe, mode } = await admit(input, context)
      return callMatcher(
        context,
        async () => matcher.embed?.([probe.aligned], pass(signal)),
        (answer) => {
          const weight = mode === 'enforce' ? verdict.weight : 1
          return { result: { verdict, weight, embedding: readEmbedding(answer) } }
        },
      )
    },
  }

  const present = Object.entries(methods).filter(
    ([method]) => matcher[(method === 'identifyFrames' ? 'identify' : method) as keyof Matcher] !== undefined,
  )
  const operations = MATCHER_OPERATIONS.filter((operation) => matcher[operation] !== undefined)
  gate.emit('guarded', { matcher: name, operations })
  return { name, scale, matcher, ...Object.fromEntries(present) } as unknown as Guarded<M>
}

type Admitted = UsableFrame<AssessedProbe>

/** What the matcher said about frames, and which it saw. */
interface FramesAnswer {
  readonly list: Candidate[] | undefined
  readonly used: readonly number[]
  readonly count: number
  /** Of the pooled frames. */
  readonly quality?: number
}

const withValue = (verdict: Verdict, score: QualityScore, value: number): Verdict => ({
  ...verdict,
  score: { ...score, value },
})

interface Scored {
  readonly shown: GuardedScore
  readonly told: { readonly rawScore: number; readonly adjustedScore: number }
}

/** Where on its scale a score lies, 0..1, so that dashboards read alike for every matcher; an endless scale is bent into 0..1. */
function onUnit(score: number, { min, max }: ScoreScale): number {
  const above = Math.max(0, score - min)
  return Number.isFinite(max) ? Math.min(1, above / (max - min)) : above / (1 + above)
}

const pass = (signal: AbortSignal | undefined): CallOptions => (signal ? { signal } : {})
