import type { MessagePort } from 'node:worker_threads'
import type { InferenceBackend } from '../inference/backend.ts'
import type { Manifest } from '../inference/manifest.ts'
import type { RemoteInference } from '../inference/remote/open-inference.ts'
import type { ServerChange } from '../inference/remote/remote-hub.ts'
import { REMOTE_MODEL_NAMES } from '../inference/remote/remote-models.ts'
import type { Calibration } from './calibration.ts'
import type { ResolvedGateOptions } from './options.ts'
import type { ScorerData } from './worker-tasks.ts'
import { workerUrl } from './worker-url.ts'

/** What a gate computes with. */
export interface Opened {
  readonly backend: InferenceBackend
  /** Frees what the backend does not own, after it was closed. */
  readonly dispose?: () => Promise<void>
  /** Where servers run the networks: tells how each of them is, now and whenever that changes. */
  readonly onServer?: (listener: (change: ServerChange) => void) => void
}

// Imports on demand: whoever only imports the package, for its types or its errors, loads no native module.

/** @throws DiffiqaError whatever the start of the backend throws before its workers load */
export async function openBackend(
  options: ResolvedGateOptions,
  manifest: Manifest,
  calibration: Calibration | undefined,
): Promise<Opened> {
  const data: ScorerData = { ...scorerData(options), ...(calibration && { calibration }) }
  const { inference } = options
  if (inference === 'workers') return { backend: await openWorkers(options, data) }
  return inference === 'in-process' ? openInProcess(options, data) : openRemote(options, data, inference, manifest)
}

async function openWorkers(
  options: ResolvedGateOptions,
  workerData: ScorerData,
  connect?: () => MessagePort,
): Promise<InferenceBackend> {
  const { createPiscinaBackend } = await import('../inference/piscina-backend.ts')
  const { workers, maxQueue, maxFull, watchdogMs, startTimeoutMs, maxWorkerHeapMb } = options
  return createPiscinaBackend({
    workerUrl: workerUrl(),
    workerData,
    workers,
    maxQueue,
    maxFull,
    watchdogMs,
    startTimeoutMs,
    ...(maxWorkerHeapMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: maxWorkerHeapMb } }),
    ...(connect && { connect }),
  })
}

async function openInProcess({ maxQueue }: ResolvedGateOptions, data: ScorerData): Promise<Opened> {
  const [{ createInProcessBackend }, { openScorer }] = await Promise.all([
    import('../inference/in-process-backend.ts'),
    import('./scorer.ts'),
  ])
  const scorer = await openScorer(data)
  return { backend: createInProcessBackend({ handler: scorer.handle, maxQueue }), dispose: () => scorer.close() }
}

async function openRemote(
  options: ResolvedGateOptions,
  data: ScorerData,
  inference: RemoteInference,
  manifest: Manifest,
): Promise<Opened> {
  const [{ RemoteHub }, { connectWorker, withRemote }] = await Promise.all([
    import('../inference/remote/remote-hub.ts'),
    import('../inference/remote/remote-backend.ts'),
  ])
  const hub = await RemoteHub.open(inference, manifest)
  try {
    const remote = REMOTE_MODEL_NAMES.filter((name) => inference.models[name] !== undefined)
    const workers = await openWorkers(options, { ...data, remote }, () => connectWorker(hub))
    return { backend: withRemote(workers, hub), onServer: (listener) => hub.onChange(listener) }
  } catch (error) {
    hub.close()
    throw error
  }
}

function scorerData({ modelsDir, preset }: ResolvedGateOptions): ScorerData {
  return { modelsDir: modelsDir instanceof URL ? modelsDir.href : modelsDir, preset, remote: [] }
}
