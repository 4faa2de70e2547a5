import type { MeasureName } from '../quality/types.ts'
import { type CsvCell, csvRow } from './csv-row.ts'
import type { FaceRecord, ScoreRecord } from './face-record.ts'
import type { Formatter } from './scored-file.ts'

const MEASURES = Object.keys({
  sharpness: 1,
  'luminance-mean': 1,
  'illumination-uniformity': 1,
  'over-exposure': 1,
  'under-exposure': 1,
  'dynamic-range': 1,
  'compression-artifacts': 1,
  'inter-eye-distance': 1,
  'head-pose-yaw': 1,
  'head-pose-pitch': 1,
  'head-pose-roll': 1,
  'face-margin': 1,
  'alignment-residual': 1,
  'eyes-open': 1,
  'mouth-closed': 1,
  'lower-face-occlusion': 1,
  'upper-face-occlusion': 1,
} satisfies Record<MeasureName, 1>) as MeasureName[]

const POINTS = ['left_eye', 'right_eye', 'nose', 'mouth_left', 'mouth_right']

const terms = (score: ScoreRecord | null): string | undefined =>
  score?.terms?.map(({ term, timestep, similarity }) => `${term}@${timestep}=${similarity}`).join(' ')

/** Every column: its name, and its cell of a record. */
export const FACE_COLUMNS: readonly (readonly [name: string, cell: (record: FaceRecord) => CsvCell])[] = [
  ['file', (r) => r.file],
  ['face', (r) => r.face],
  ['faces', (r) => r.faces],
  ['quality', (r) => r.quality],
  ['score', (r) => r.score],
  ['sigma', (r) => r.sigma],
  ['method', (r) => r.method],
  ['decision', (r) => r.decision],
  ['weight', (r) => r.weight],
  ['reasons', (r) => r.reasons.map(({ code }) => code).join(' ')],
  ['would_escalate', (r) => r.wouldEscalate],
  ...scoreColumns('diffiqa_r', (r) => r.diffiqaR),
  ...scoreColumns('diffiqa', (r) => r.diffiqa),
  ['diffiqa_terms', (r) => terms(r.diffiqa)],
  ...scoreColumns('combined', (r) => r.combined),
  ['box_x', (r) => r.box?.x],
  ['box_y', (r) => r.box?.y],
  ['box_width', (r) => r.box?.width],
  ['box_height', (r) => r.box?.height],
  ...POINTS.flatMap((point, i): [string, (record: FaceRecord) => CsvCell][] => [
    [`${point}_x`, (r) => r.landmarks?.[i]?.x],
    [`${point}_y`, (r) => r.landmarks?.[i]?.y],
  ]),
  ['confidence', (r) => r.confidence],
  ['inter_eye_distance', (r) => r.interEyeDistance],
  ['yaw', (r) => r.pose?.yaw],
  ['pitch', (r) => r.pose?.pitch],
  ['roll', (r) => r.pose?.roll],
  ...MEASURES.map((name): [string, (record: FaceRecord) => CsvCell] => [
    `measure_${name.replaceAll('-', '_')}`,
    (r) => r.measures[name],
  ]),
  ['photo_width', (r) => r.photo?.width],
  ['photo_height', (r) => r.photo?.height],
  ['photo_format', (r) => r.photo?.format],
  ['purpose', (r) => r.purpose],
  ['reject_below', (r) => r.thresholds.rejectBelow],
  ['accept_from', (r) => r.thresholds.acceptFrom],
  ['model_version', (r) => r.modelVersion],
  ['crop', (r) => r.crop],
  ['total_ms', (r) => r.timings.totalMs],
  ['queue_ms', (r) => r.timings.queueMs],
  ['decode_ms', (r) => r.timings.decodeMs],
  ['detect_ms', (r) => r.timings.detectMs],
  ['align_ms', (r) => r.timings.alignMs],
  ['diffiqa_r_ms', (r) => r.timings.diffiqaRMs],
  ['diffiqa_ms', (r) => r.timings.diffiqaMs],
  ['full_queue_ms', (r) => r.timings.fullQueueMs],
]

function scoreColumns(
  name: string,
  score: (record: FaceRecord) => ScoreRecord | null,
): [string, (record: FaceRecord) => CsvCell][] {
  return [
    [name, (r) => score(r)?.value],
    [`${name}_sigma`, (r) => score(r)?.sigma],
    [`${name}_raw`, (r) => score(r)?.raw],
  ]
}

/** RFC 4180: header, CRLF, one row per face; an empty cell is a value that was not taken. */
export const csvFormatter: Formatter = {
  header: csvRow(FACE_COLUMNS.map(([name]) => name)),
  tellsProblems: false,
  format: (scored) =>
    scored.problem ? '' : scored.records.map((record) => csvRow(FACE_COLUMNS.map(([, cell]) => cell(record)))).join(''),
}
