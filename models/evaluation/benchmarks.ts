import type { CrossPattern } from '../../src/evaluation/cross-pairs.ts'
import type { PhotoSet } from '../../src/evaluation/degraded-set.ts'

export interface Benchmark {
  readonly name: string
  /** Folder of the data. */
  readonly folder: string
  readonly set: PhotoSet
  readonly cross?: CrossPattern
  /** Part of the overall mean. */
  readonly overall: boolean
}

/** The six benchmarks: nothing is chosen on any of them. */
export const BENCHMARKS: readonly Benchmark[] = [
  { name: 'lfw-natural', folder: 'lfw-test', set: 'natural', overall: false },
  { name: 'lfw-mixed', folder: 'lfw-test', set: 'mixed', overall: true },
  { name: 'lfw-hard', folder: 'lfw-test', set: 'hard', overall: true },
  { name: 'fiw', folder: 'fiw-test', set: 'natural', overall: true },
  {
    name: 'cfp-fp',
    folder: 'cfp-test',
    set: 'natural',
    cross: { first: 'frontal_*', second: 'profile_*' },
    overall: true,
  },
  {
    name: 'cfp-ff',
    folder: 'cfp-test',
    set: 'natural',
    cross: { first: 'frontal_*', second: 'frontal_*' },
    overall: true,
  },
]
