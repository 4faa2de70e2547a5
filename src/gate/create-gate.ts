import type { Manifest } from '../inference/manifest.ts'
import { loadManifest } from '../inference/manifest-file.ts'
import { type Calibration, calibrated, requireMatcher } from './calibration.ts'
import { readCalibration, requireFit } from './calibration-file.ts'
import { invalidOption } from './check-keys.ts'
import type { Gate } from './gate.ts'
import { GateCore } from './gate-core.ts'
import { openBackend } from './open-backend.ts'
import { type GateOptions, type ResolvedGateOptions, resolveOptions } from './options.ts'
import { openSharedScores } from './sharing.ts'
import { TASKS, type WarmUpAnswer } from './worker-tasks.ts'

/** @throws DiffiqaError `invalid-calibration`, `calibration-mismatch`, `invalid-option`. */
async function openCalibration(
  { calibration: source, matcher }: ResolvedGateOptions,
  manifest: Manifest,
): Promise<Calibration | undefined> {
  if (source === undefined) return undefined
  const calibration = await readCalibration(source)
  requireFit(calibration, manifest)
  if ((calibration.quality === 'matcher') !== (matcher !== undefined))
    throw invalidOption('quality', `The calibration was fitted for quality: '${calibration.quality}'`)
  if (matcher) requireMatcher(calibration, matcher)
  return calibration
}

/**
 * Load the models or find them on a server, start the workers, run each network once.
 * @throws DiffiqaError `invalid-option`, `model-missing`, `model-integrity`, `model-incompatible`, `native-module-missing`,
 * `worker-file-missing`, `worker-crashed`; with `openInference()` also `inference-unavailable`, `inference-untrusted`, `inference-refused`,
 * `inference-invalid-answer`; with a calibration `invalid-calibration`, `calibration-mismatch`.
 */
export async function createGate(options: GateOptions = {}): Promise<Gate> {
  const resolved = resolveOptions(options)
  const shipped = await loadManifest(resolved.modelsDir)
  const calibration = await openCalibration(resolved, shipped)
  const manifest = calibrated(shipped, calibration)
  const { backend, dispose, onServer } = await openBackend(resolved, manifest, calibration)
  try {
    await backend.whenReady()
    const { value: warmUp } = await backend.run<WarmUpAnswer>(
      { name: TASKS.warmUp, input: undefined },
      { kind: 'fast', deadline: performance.now() + resolved.startTimeoutMs },
    )
    const shared = await openSharedScores(resolved, manifest)
    const parts = { options: resolved, manifest, calibration, backend, warmUp, shared }
    return new GateCore({ ...parts, ...(dispose && { dispose }), ...(onServer && { onServer }) })
  } catch (error) {
    await backend.close({ timeoutMs: 0 })
    await dispose?.()
    throw error
  }
}
