import type { InferenceSession } from 'onnxruntime-node'
import { DiffiqaError } from '../errors.ts'
import { nativeCall } from './native-call.ts'
import { nativeModuleMissing } from './native-module.ts'
import { silenceRuntime } from './runtime-telemetry.ts'
import type { Tensor, TensorModel } from './tensor-model.ts'

type Runtime = typeof import('onnxruntime-node')

/** On one thread an item takes as long in a batch of eight, and SFace's answers to eight take 165 MB more than to two. */
const LOCAL_BATCH = 2

/**
 * Makes a network from the bytes of an ONNX file: on the CPU only, one thread between operators, without the runtime's chatter.
 *
 * @param numThreads - threads within an operator
 * @throws DiffiqaError `native-module-missing`, or `model-incompatible` when the runtime refuses the bytes
 */
export async function createOnnxModel(bytes: Uint8Array, name: string, numThreads: number): Promise<TensorModel> {
  const runtime = await loadRuntime()
  let session: InferenceSession
  try {
    session = await nativeCall(() =>
      runtime.InferenceSession.create(bytes, {
        executionProviders: ['cpu'],
        intraOpNumThreads: numThreads,
        interOpNumThreads: 1,
        // Plans for shapes that were seen keep memory for each of them, and save no time.
        enableMemPattern: false,
        logSeverityLevel: 3,
      }),
    )
  } catch (cause) {
    throw new DiffiqaError('model-incompatible', `onnxruntime cannot use the model "${name}"`, {
      cause,
      details: { model: name },
    })
  }
  return {
    inputs: session.inputNames,
    outputs: session.outputNames,
    maxBatch: LOCAL_BATCH,
    run: (feeds) => runSession(runtime, session, feeds, name),
    dispose: () => nativeCall(() => session.release()),
  }
}

/** Only workers and one-shot commands come here; the importing of the package must not load a native library. */
async function loadRuntime(): Promise<Runtime> {
  silenceRuntime()
  try {
    return await nativeCall(() => import('onnxruntime-node'))
  } catch (cause) {
    throw nativeModuleMissing(cause) ?? new DiffiqaError('native-module-missing', undefined, { cause })
  }
}

async function runSession(
  runtime: Runtime,
  session: InferenceSession,
  feeds: Readonly<Record<string, Tensor>>,
  name: string,
): Promise<Record<string, Tensor>> {
  let answers: InferenceSession.ReturnType
  try {
    const inputs = Object.entries(feeds).map(([input, { data, dims }]) => [input, new runtime.Tensor(data, dims)])
    answers = await nativeCall(() => session.run(Object.fromEntries(inputs)))
  } catch (cause) {
    throw new DiffiqaError('scoring-failed', `The model "${name}" could not be run`, {
      cause,
      details: { model: name },
    })
  }
  const outputs: Record<string, Tensor> = {}
  for (const [output, { data, dims }] of Object.entries(answers)) {
    if (!(data instanceof Float32Array) || !allFinite(data)) {
      throw new DiffiqaError(
        'invalid-model-output',
        `Output "${output}" of the model "${name}" holds unusable numbers`,
        {
          details: { model: name, output },
        },
      )
    }
    outputs[output] = { data, dims }
  }
  return outputs
}

/** A plain loop: `every()` takes ten times as long, and a detector answers with a hundred thousand numbers. */
function allFinite(numbers: Float32Array): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false
  return true
}
