import { join } from 'node:path'
import type { JudgeContract } from '../../src/evaluation/judge-contract.ts'

const WHOLE: JudgeContract['region'] = { centre: [56, 56], side: 112 }
const same = (x: number): [number, number, number] => [x, x, x]

interface Networks {
  /** They tell which comparisons fail. */
  readonly judges: readonly (JudgeContract & { readonly fmr: number })[]
  /** E of the package: no judge, but its norm is a baseline. */
  readonly embedder: JudgeContract
  /** A quality network of somebody else, from PyPI: one output, the score. */
  readonly peer: JudgeContract
}

/** How each recognition network wants its faces; docs/results.md names their sources. */
export function networks(judgesFolder: string, modelsFolder: string): Networks {
  const plain = { size: 112, layout: 'nchw', channels: 'rgb', region: WHOLE } as const
  const file = (name: string): string => join(judgesFolder, `${name}.onnx`)
  return {
    judges: [
      { ...plain, name: 'w600k_mbf', model: file('w600k_mbf'), mean: same(127.5), std: same(127.5), fmr: 1e-3 },
      { ...plain, name: 'expo_mfn', model: file('expo_mfn'), mean: same(127.5), std: same(128), fmr: 1e-3 },
      {
        ...plain,
        name: 'faceres',
        model: file('faceres'),
        size: 224,
        mean: same(0),
        std: same(1),
        region: { centre: [56, 62], side: 128 },
        // Weak: at 1e-3 it fails nearly everything that is degraded.
        fmr: 1e-2,
      },
    ],
    embedder: { ...plain, name: 'SFace (E)', model: join(modelsFolder, 'embedder.onnx'), mean: same(0), std: same(1) },
    peer: { ...plain, name: 'qualityface', model: file('qualityface'), size: 128, mean: same(127.5), std: same(127.5) },
  }
}
