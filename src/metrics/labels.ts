import { ERROR_CODES, type ErrorCode } from '../errors.ts'

/** Every value a label can have. Names, labels and values are public API; docs/http.md tells what the series mean. */
export const LABELS = {
  purpose: ['probe', 'enrolment'],
  mode: ['enforce', 'shadow', 'annotate'],
  decision: ['accept', 'down_weight', 'reject'],
  /** Of the request duration: what became of the request. */
  outcome: ['accept', 'down_weight', 'reject', 'degraded', 'shed', 'error', 'aborted'],
  reason: [
    'low_score',
    'blur',
    'too_small',
    'dark',
    'overexposed',
    'pose',
    'occlusion',
    'no_face',
    'several_faces',
    'unreadable',
    'unsupported',
    'too_large',
  ],
  escalation: ['confirmed', 'overturned', 'skipped_budget', 'skipped_deadline', 'failed'],
  code: Object.keys(ERROR_CODES) as ErrorCode[],
  shed: ['queue_full', 'deadline', 'draining'],
  method: ['diffiqa_r', 'diffiqa', 'combined'],
  stage: ['decode', 'detect', 'align', 'diffiqa_r', 'diffiqa'],
  queue: ['fast', 'full'],
  worker: ['busy', 'idle', 'starting'],
  restart: ['crash', 'watchdog', 'memory'],
  operation: ['identify', 'verify', 'enrol', 'remove'],
  matcherOutcome: ['ok', 'error', 'aborted', 'withheld'],
  matchScore: ['raw', 'adjusted'],
  cache: ['hit', 'miss'],
  sharedCache: ['hit', 'miss', 'timeout', 'error', 'skipped'],
  model: ['detector', 'embedder', 'denoiser', 'regressor'],
  policy: ['lenient', 'balanced', 'strict', 'custom'],
  bound: ['reject_below', 'accept_from'],
} as const

/** Failures that a request can end with; they are there, at 0, from the start. */
export const REQUEST_FAILURES: readonly ErrorCode[] = [
  'missing-field',
  'several-files',
  'invalid-base64',
  'malformed-request',
  'body-already-read',
  'slow-upload',
  'worker-crashed',
  'deadline-exceeded',
  'scoring-failed',
  'invalid-model-output',
]

/** Names of the code as label values: `down-weight` → `down_weight`. */
export const toLabel = (value: string): string => value.replaceAll('-', '_')
