/**
 * Every failure the package reports, with the HTTP status the middleware answers it with and whether the same
 * request may succeed later. Codes are public API; each has a section in docs/errors.md.
 */
export const ERROR_CODES = {
  'empty-body': { status: 400, retryable: false, title: 'The request has no body' },
  'missing-field': { status: 400, retryable: false, title: 'The photo field is missing' },
  'several-files': { status: 400, retryable: false, title: 'More than one file was sent in the photo field' },
  'invalid-base64': { status: 400, retryable: false, title: 'The photo is not valid base64' },
  'malformed-request': { status: 400, retryable: false, title: 'The request cannot be parsed' },
  'body-already-read': { status: 500, retryable: false, title: 'The request body was read before the gate saw it' },
  'payload-too-large': { status: 413, retryable: false, title: 'The photo has too many bytes' },
  'too-many-pixels': { status: 413, retryable: false, title: 'The photo has too many pixels' },
  'unsupported-media-type': { status: 415, retryable: false, title: 'The content is not a supported image format' },
  'unreadable-image': { status: 422, retryable: false, title: 'The image is damaged or cut off' },
  'no-face': { status: 422, retryable: false, title: 'No face was found in the photo' },
  'several-faces': { status: 422, retryable: false, title: 'More than one face was found in the photo' },
  'face-too-small': { status: 422, retryable: false, title: 'The face is too small' },
  'quality-rejected': { status: 422, retryable: false, title: 'The face image is not good enough for recognition' },
  'cross-origin': { status: 403, retryable: false, title: 'The request comes from a page of another origin' },
  'slow-upload': { status: 408, retryable: true, title: 'The upload took too long' },
  'client-gone': { status: 499, retryable: true, title: 'The client closed the connection' },
  aborted: { status: 499, retryable: true, title: 'The call was aborted' },
  'queue-full': { status: 503, retryable: true, title: 'Too many photos are waiting' },
  'shutting-down': { status: 503, retryable: true, title: 'The service is shutting down' },
  'gate-closed': { status: 503, retryable: true, title: 'The gate is closed' },
  'worker-crashed': { status: 503, retryable: true, title: 'A scoring worker stopped' },
  'deadline-exceeded': { status: 504, retryable: true, title: 'Scoring took too long' },
  'scoring-failed': { status: 500, retryable: false, title: 'Scoring failed' },
  'invalid-model-output': { status: 500, retryable: false, title: 'A model answered with unusable numbers' },
  'model-missing': { status: 500, retryable: false, title: 'A model file is missing' },
  'model-integrity': { status: 500, retryable: false, title: 'A model file is not the one the manifest names' },
  'model-incompatible': { status: 500, retryable: false, title: 'A model cannot be used' },
  'native-module-missing': { status: 500, retryable: false, title: 'A native module cannot be loaded' },
  'plot-library-missing': { status: 500, retryable: false, title: 'The library that draws plots is missing' },
  'worker-file-missing': { status: 500, retryable: false, title: 'The worker script was not found' },
  'console-missing': { status: 500, retryable: false, title: 'The files of the quality console were not found' },
  'inference-unavailable': { status: 503, retryable: true, title: 'The inference server cannot be used now' },
  'inference-untrusted': { status: 502, retryable: false, title: 'The inference server is not trusted' },
  'inference-refused': { status: 502, retryable: false, title: 'The inference server refused the call' },
  'inference-invalid-answer': { status: 502, retryable: false, title: 'The inference server gave an unusable answer' },
  'redis-client-missing': { status: 500, retryable: false, title: 'The packages that speak to Redis are missing' },
  'redis-unreachable': { status: 503, retryable: true, title: 'Redis cannot be reached' },
  'redis-unauthorised': { status: 502, retryable: false, title: 'Redis refused the credentials' },
  'redis-read-only': { status: 503, retryable: true, title: 'Redis takes no writes' },
  'redis-full': { status: 503, retryable: true, title: 'Redis has no memory left' },
  'redis-refused': { status: 502, retryable: false, title: 'Redis refused a command' },
  'queue-incompatible': { status: 409, retryable: false, title: 'The queue was made by another version' },
  'queue-busy': { status: 409, retryable: true, title: 'The queue is in use for something else' },
  'jobs-lost': { status: 500, retryable: true, title: 'Jobs have left the queue without a result' },
  'photo-not-allowed': { status: 500, retryable: false, title: 'The photo lies outside of the allowed places' },
  'photo-unreachable': { status: 503, retryable: true, title: 'The photo could not be fetched' },
  'results-unwritable': { status: 507, retryable: true, title: 'The results cannot be written' },
  'not-assessed': { status: 500, retryable: false, title: 'No photo was assessed in this request' },
  'invalid-option': { status: 500, retryable: false, title: 'An option is not valid' },
  'invalid-calibration': { status: 500, retryable: false, title: 'A calibration cannot be used' },
  'calibration-mismatch': { status: 500, retryable: false, title: 'A calibration was made for other networks' },
  'invalid-capacity': { status: 500, retryable: false, title: 'A capacity profile cannot be used' },
  'plan-impossible': { status: 500, retryable: false, title: 'No number of instances meets the goal' },
  'metrics-conflict': { status: 500, retryable: false, title: 'The metrics are already registered' },
  'invalid-embedding': { status: 500, retryable: false, title: 'An embedding cannot be used' },
  'embedding-mismatch': { status: 409, retryable: false, title: 'Embeddings of different models cannot be compared' },
  'subject-exists': { status: 409, retryable: false, title: 'The subject is already enrolled' },
  'subject-unknown': { status: 404, retryable: false, title: 'The subject is not enrolled' },
  'invalid-subject': { status: 400, retryable: false, title: 'The subject identifier is not valid' },
  'gallery-empty': { status: 409, retryable: false, title: 'Nobody is enrolled' },
  'matcher-failed': { status: 502, retryable: true, title: 'The face matcher failed' },
  'matcher-unauthorised': { status: 502, retryable: false, title: 'The face matcher refused the credentials' },
  'matcher-throttled': { status: 503, retryable: true, title: 'The face matcher takes no more calls for now' },
  'matcher-unreachable': { status: 503, retryable: true, title: 'The face matcher cannot be reached' },
  'matcher-timeout': { status: 504, retryable: true, title: 'The face matcher took too long' },
  'gallery-missing': { status: 500, retryable: false, title: 'The gallery does not exist' },
  'matcher-invalid-answer': { status: 502, retryable: false, title: 'The face matcher gave an unusable answer' },
} as const satisfies Record<string, { status: number; retryable: boolean; title: string }>

export type ErrorCode = keyof typeof ERROR_CODES

export interface DiffiqaErrorOptions {
  /** What went wrong below; never sent to a client. */
  readonly cause?: unknown
  /** Machine-readable facts that may be shown to a client: never pixels, embeddings, file names or EXIF. */
  readonly details?: Readonly<Record<string, unknown>>
  /** Seconds after which a retry may succeed; becomes `Retry-After`. */
  readonly retryAfterSeconds?: number
}

/** The only error class the package throws on purpose. */
export class DiffiqaError extends Error {
  override readonly name = 'DiffiqaError'
  readonly code: ErrorCode
  /** HTTP status the middleware answers with. */
  readonly status: number
  readonly retryable: boolean
  readonly details: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds: number | undefined

  constructor(code: ErrorCode, message?: string, options: DiffiqaErrorOptions = {}) {
    const entry = ERROR_CODES[code]
    super(message ?? entry.title, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.status = entry.status
    this.retryable = entry.retryable
    this.details = options.details ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** True for a {@link DiffiqaError}, also one made by a second copy of the package. */
export function isDiffiqaError(error: unknown): error is DiffiqaError {
  return error instanceof Error && error.name === 'DiffiqaError' && 'code' in error
}
