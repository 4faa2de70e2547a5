import type { InferenceBackend } from '../inference/backend.ts'
import { loadManifest } from '../inference/manifest-file.ts'
import type { Gate } from './gate.ts'
import { GateCore } from './gate-core.ts'
import { type GateOptions, type ResolvedGateOptions, resolveOptions } from './options.ts'
import { type ScorerData, TASKS, type WarmUpAnswer } from './worker-tasks.ts'
import { workerUrl } from './worker-url.ts'

interface Opened {
  readonly backend: InferenceBackend
  readonly dispose?: () => Promise<void>
}

// Imports on demand: whoever only imports the package, for its types or its errors, loads no native module.
async function openWorkers(options: ResolvedGateOptions, workerData: ScorerData): Promise<Opened> {
  const { createPiscinaBackend } = await import('../inference/piscina-backend.ts')
  const { workers, maxQueue, maxFull, watchdogMs, startTimeoutMs, maxWorkerHeapMb } = options
  const backend = createPiscinaBackend({
    workerUrl: workerUrl(),
    workerData,
    workers,
    maxQueue,
    maxFull,
    watchdogMs,
    startTimeoutMs,
    ...(maxWorkerHeapMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: maxWorkerHeapMb } }),
  })
  return { backend }
}

async function openInProcess({ maxQueue }: ResolvedGateOptions, data: ScorerData): Promise<Opened> {
  const [{ createInProcessBackend }, { openScorer }] = await Promise.all([
    import('../inference/in-process-backend.ts'),
    import('./scorer.ts'),
  ])
  const scorer = await openScorer(data)
  return { backend: createInProcessBackend({ handler: scorer.handle, maxQueue }), dispose: () => scorer.close() }
}

function scorerData({ modelsDir, preset }: ResolvedGateOptions): ScorerData {
  return { modelsDir: modelsDir instanceof URL ? modelsDir.href : modelsDir, preset }
}

/**
 * Load the models, start the workers, run each network once.
 * @throws DiffiqaError `invalid-option`, `model-missing`, `model-integrity`, `model-incompatible`, `native-module-missing`,
 * `worker-file-missing`, `worker-crashed`.
 */
export async function createGate(options: GateOptions = {}): Promise<Gate> {
  const resolved = resolveOptions(options)
  const manifest = await loadManifest(resolved.modelsDir)
  const open = resolved.inference === 'workers' ? openWorkers : openInProcess
  const { backend, dispose } = await open(resolved, scorerData(resolved))
  try {
    await backend.whenReady()
    const { value: warmUp } = await backend.run<WarmUpAnswer>(
      { name: TASKS.warmUp, input: undefined },
      { kind: 'fast', deadline: performance.now() + resolved.startTimeoutMs },
    )
    return new GateCore({ options: resolved, manifest, backend, warmUp, ...(dispose && { dispose }) })
  } catch (error) {
    await backend.close({ timeoutMs: 0 })
    await dispose?.()
    throw error
  }
}
