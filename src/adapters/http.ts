import { DiffiqaError, type ErrorCode, isDiffiqaError } from '../errors.ts'
import { checkKeys, invalidOption } from '../gate/check-keys.ts'
import { defineAdapter } from './define-adapter.ts'
import { type HttpRefusal, type HttpRequest, httpClient } from './http-client.ts'
import { type HttpServiceOptions, readService } from './http-options.ts'
import type {
  Candidate,
  Comparison,
  Enrolment,
  EnrolOptions,
  IdentifyOptions,
  Matcher,
  Probe,
  Reference,
  ScoreScale,
  SubjectId,
} from './matcher.ts'
import { withCodes } from './sdk-error.ts'
import { soleEnrolment } from './sole-enrolment.ts'
import { requireSubject } from './subject.ts'

type MaybePromise<T> = T | Promise<T>

/** One call of a service: what is asked, and how its answer is read. */
export interface HttpOperation<Given extends readonly unknown[], Result> {
  request(...given: Given): MaybePromise<HttpRequest>
  /** What this throws, a field that is not there above all, counts as `matcher-invalid-answer`; throw a DiffiqaError to say more. */
  // biome-ignore lint/suspicious/noExplicitAny: the service's own shape, which only the caller knows.
  answer(body: any, ...given: Given): Result
}

export interface HttpMatcherOptions extends HttpServiceOptions {
  /** Metric label. */
  readonly name: string
  readonly scale: ScoreScale
  readonly identify?: HttpOperation<[Probe, Pick<IdentifyOptions, 'limit'>], Candidate[]>
  readonly verify?: HttpOperation<[Probe, Reference], Comparison>
  /** Without `answer` the service's whole answer is the `source`. */
  readonly enrol?: Partial<HttpOperation<[SubjectId, Probe, Pick<EnrolOptions, 'quality'>], Enrolment>> &
    Pick<HttpOperation<[SubjectId, Probe, Pick<EnrolOptions, 'quality'>], Enrolment>, 'request'>
  readonly remove?: Partial<HttpOperation<[SubjectId], void>> & Pick<HttpOperation<[SubjectId], void>, 'request'>
  /**
   * Is a subject enrolled? For services that take one person twice: `enrol()` asks first and throws `subject-exists`, and takes back, by
   * `remove`, what an enrolment without a clear answer has left. A 404 is a no.
   */
  readonly exists?: HttpOperation<[SubjectId], boolean>
  /** The code of a refusal, where its status alone does not tell; undefined for the others. */
  readonly error?: (refusal: HttpRefusal) => ErrorCode | undefined
}

type HttpMethod = 'identify' | 'verify' | 'enrol' | 'remove'

/** A matcher with the methods that were configured. */
export type HttpMatcher<O extends HttpMatcherOptions> = Pick<Matcher, 'name' | 'scale'> &
  Required<Pick<Matcher, Extract<keyof O, HttpMethod>>>

const OPTIONS = ['url', 'headers', 'timeoutMs', 'name', 'scale', 'exists', 'error']
const OPERATIONS = ['identify', 'verify', 'enrol', 'remove'] as const

/**
 * Use any REST service as a matcher: for each method what is asked and how the answer is read, and the scale of its scores.
 *
 * ```ts
 * const acme = http({
 *   url: 'https://faces.example/v1',
 *   name: 'acme',
 *   scale: { direction: 'similarity', min: 0, max: 100, impostorMean: 12, defaultThreshold: 80 },
 *   identify: {
 *     request: async (probe, { limit }) => ({ path: ['search'], form: { image: await probe.jpeg(), limit: `${limit}` } }),
 *     answer: ({ hits }) => hits.map((hit) => ({ subject: hit.person, score: hit.confidence, source: hit })),
 *   },
 * })
 * ```
 *
 * Requests are not retried, redirects not followed; the signal ends them.
 *
 * Methods throw DiffiqaError `matcher-unauthorised` (401, 403), `matcher-throttled` (429, 503), `matcher-timeout`, `payload-too-large` (413),
 * `matcher-unreachable`, `matcher-failed` (details `status`), what `error` says, `matcher-invalid-answer`, `invalid-subject`, `subject-exists`,
 * and what the functions of the configuration throw on purpose.
 * @throws DiffiqaError `invalid-option` naming the field.
 */
export function http<const O extends HttpMatcherOptions>(options: O): HttpMatcher<O> {
  checkKeys('', options, [...OPTIONS, ...OPERATIONS])
  for (const operation of [...OPERATIONS, 'exists'] as const) requireOperation(operation, options[operation])
  if (options.error !== undefined && typeof options.error !== 'function')
    throw invalidOption('error', '`error` must be a function')
  const { identify, verify, enrol, remove, exists, name, scale } = options as HttpMatcherOptions
  const ask = httpClient({ name, ...readService(options), error: options.error })

  async function call<G extends readonly unknown[], R>(
    { request, answer }: HttpOperation<G, R>,
    signal: AbortSignal | undefined,
    ...given: G
  ): Promise<R> {
    const body = await ask(await request(...given), signal)
    try {
      return answer(body, ...given)
    } catch (cause) {
      if (isDiffiqaError(cause)) throw cause
      throw new DiffiqaError('matcher-invalid-answer', `${name} answered something that cannot be read`, { cause })
    }
  }

  const removal = remove && { answer: () => {}, ...remove }
  const isEnrolled = async (subject: SubjectId, signal: AbortSignal | undefined): Promise<boolean> =>
    call(exists as HttpOperation<[SubjectId], boolean>, signal, subject).catch((error: unknown) => {
      if (isDiffiqaError(error) && error.details.status === 404) return false
      throw error
    })
  const enrolment = soleEnrolment({
    addPhotos: exists === undefined,
    exists: isEnrolled,
    ...(removal && { undo: (subject: SubjectId) => call(removal, undefined, subject) }),
  })

  const matcher: Matcher = {
    name,
    scale,
    ...(identify && { identify: (probe, { limit, signal }) => call(identify, signal, probe, { limit }) }),
    ...(verify && {
      async verify(probe, reference, { signal }) {
        if ('subject' in reference) requireSubject(reference.subject)
        return call(verify, signal, probe, reference)
      },
    }),
    ...(enrol && {
      async enrol(subject, probe, { signal, quality }) {
        requireSubject(subject)
        const operation = { answer: (source: unknown) => ({ subject, source }), ...enrol }
        const known = quality === undefined ? {} : { quality }
        return enrolment(subject, signal, () => call(operation, signal, subject, probe, known))
      },
    }),
    ...(removal && {
      async remove(subject, { signal }) {
        requireSubject(subject)
        await call(removal, signal, subject)
      },
    }),
  } satisfies Matcher
  return withCodes(defineAdapter(matcher)) as HttpMatcher<O>
}

function requireOperation(name: string, operation: unknown): void {
  if (operation === undefined) return
  const { request, answer } = (operation ?? {}) as Partial<HttpOperation<never[], unknown>>
  const answerIsOptional = name === 'enrol' || name === 'remove'
  const readable = typeof answer === 'function' || (answerIsOptional && answer === undefined)
  if (typeof request !== 'function' || !readable)
    throw invalidOption(name, `\`${name}\` must have the functions \`request\` and \`answer\``)
}
