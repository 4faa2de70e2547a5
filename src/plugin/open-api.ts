import { ERROR_CODES, type ErrorCode } from '../errors.ts'
import { PROBLEM_TYPE } from './problem.ts'

/** A JSON object of an OpenAPI document. */
export type OpenApiObject = { readonly [key: string]: unknown }

export interface OpenApiFragment {
  /** For the operation's `responses`, by status. */
  readonly responses: OpenApiObject
  /** To merge into the document's `components`. */
  readonly components: { readonly schemas: OpenApiObject; readonly headers: OpenApiObject }
}

/** Refusals that the middleware answers with. */
const ANSWERED: readonly ErrorCode[] = [
  'empty-body',
  'missing-field',
  'several-files',
  'invalid-base64',
  'malformed-request',
  'slow-upload',
  'payload-too-large',
  'too-many-pixels',
  'unsupported-media-type',
  'unreadable-image',
  'no-face',
  'several-faces',
  'face-too-small',
  'quality-rejected',
  'body-already-read',
  'scoring-failed',
  'invalid-model-output',
  'queue-full',
  'shutting-down',
  'gate-closed',
  'worker-crashed',
  'deadline-exceeded',
]

const ratio = (description: string): OpenApiObject => ({ type: 'number', minimum: 0, maximum: 1, description })

const REASON: OpenApiObject = {
  type: 'object',
  required: ['code', 'advice'],
  properties: {
    code: { type: 'string' },
    measure: { type: 'string', description: 'Named after ISO/IEC 29794-5 where it has the measure' },
    value: { type: 'number' },
    threshold: { type: 'number' },
    advice: { type: 'string', description: 'What the person in the photo can do' },
  },
}

const PROBLEM: OpenApiObject = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', enum: ANSWERED },
    score: ratio('Quality of the refused face, rounded to two decimals'),
    sigma: ratio('One standard deviation of the score'),
    method: { type: 'string', enum: ['diffiqa-r', 'diffiqa', 'combined'] },
    threshold: ratio('Scores below are refused'),
    reasons: { type: 'array', items: { $ref: '#/components/schemas/FaceQualityReason' } },
  },
}

/** OpenAPI 3.1 fragments of everything that `faceQuality()` may answer instead of the handler. */
export function openApi(): OpenApiFragment {
  const statuses = [...new Set(ANSWERED.map((code) => ERROR_CODES[code].status))].sort((a, b) => a - b)
  const responses = statuses.map((status) => {
    const codes = ANSWERED.filter((code) => ERROR_CODES[code].status === status)
    const response = {
      description: codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].title}`).join('; '),
      ...(status === 503 && { headers: { 'Retry-After': { schema: { type: 'integer', minimum: 1 } } } }),
      content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/FaceQualityProblem' } } },
    }
    return [String(status), response]
  })
  return {
    responses: Object.fromEntries(responses),
    components: {
      schemas: { FaceQualityProblem: PROBLEM, FaceQualityReason: REASON },
      headers: {
        'Face-Quality': {
          description: 'RFC 9651 item; sent with the option `headers`',
          schema: { type: 'string', examples: ['accept;score=0.87;method=diffiqa-r'] },
        },
      },
    },
  }
}
