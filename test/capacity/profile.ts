import type { CapacityProfile } from '../../src/capacity/profile.ts'

/** Evenly spread around a mean, by a share of it. */
export const around = (meanMs: number, share: number): number[] =>
  Array.from({ length: 21 }, (_, i) => meanMs * (1 - share + (2 * share * i) / 20))

/** Made-up figures of a machine without any cost but those of scoring. */
export function madeUpProfile(changes: Partial<CapacityProfile> = {}): CapacityProfile {
  return {
    format: 'express-diffiqa-capacity',
    version: 1,
    measured: { date: '2026-01-01', machine: 'none', command: 'none', modelVersion: '0', photo: 'none' },
    certainMs: around(40, 0.2),
    uncertainMs: around(40, 0.2),
    fullMs: around(100, 0.2),
    crowding: 1,
    mainMs: { photo: 0, shed: 0 },
    httpMs: 0,
    photoBytes: 64_000,
    memoryMb: { process: 150, worker: 200 },
    ...changes,
  }
}
