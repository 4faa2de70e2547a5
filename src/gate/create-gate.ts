import { loadManifest } from '../inference/manifest-file.ts'
import type { Gate } from './gate.ts'
import { GateCore } from './gate-core.ts'
import { openBackend } from './open-backend.ts'
import { type GateOptions, resolveOptions } from './options.ts'
import { TASKS, type WarmUpAnswer } from './worker-tasks.ts'

/**
 * Load the models or find them on a server, start the workers, run each network once.
 * @throws DiffiqaError `invalid-option`, `model-missing`, `model-integrity`, `model-incompatible`, `native-module-missing`,
 * `worker-file-missing`, `worker-crashed`; with `openInference()` also `inference-unavailable`, `inference-untrusted`, `inference-refused`,
 * `inference-invalid-answer`.
 */
export async function createGate(options: GateOptions = {}): Promise<Gate> {
  const resolved = resolveOptions(options)
  const manifest = await loadManifest(resolved.modelsDir)
  const { backend, dispose, onServer } = await openBackend(resolved, manifest)
  try {
    await backend.whenReady()
    const { value: warmUp } = await backend.run<WarmUpAnswer>(
      { name: TASKS.warmUp, input: undefined },
      { kind: 'fast', deadline: performance.now() + resolved.startTimeoutMs },
    )
    const parts = { options: resolved, manifest, backend, warmUp }
    return new GateCore({ ...parts, ...(dispose && { dispose }), ...(onServer && { onServer }) })
  } catch (error) {
    await backend.close({ timeoutMs: 0 })
    await dispose?.()
    throw error
  }
}
