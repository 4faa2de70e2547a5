import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { DiffiqaError } from '../errors.ts'
import { ModelStore } from '../inference/model-store.ts'
import { createOnnxModel } from '../inference/onnx-model.ts'
import type { TaskHandler } from '../inference/task-handler.ts'
import type { TensorModel } from '../inference/tensor-model.ts'
import { INPUT_SIDE, type OnnxInput, toTensor } from './onnx-input.ts'

/** What the thread is started with. */
export interface EmbedWorkerData {
  /** Undefined: the embedder that comes with the package. */
  readonly model: { readonly path: string } | { readonly bytes: Uint8Array } | undefined
  readonly modelsDir: string | undefined
  /** Hex SHA-256 that the model of one's own must have. */
  readonly sha256: string | undefined
  readonly input: Required<OnnxInput>
  /** The output to read; undefined: the first. */
  readonly output: string | undefined
}

/** Answer to `describe`. */
export interface EmbedderFacts {
  /** Hex SHA-256 of the model's bytes. */
  readonly sha256: string
  /** Numbers per embedding. */
  readonly dimension: number
}

/** Input of `embed`: 112 × 112 × 3 RGB bytes per face; its answer is one Float32Array per face. */
export interface EmbedInput {
  readonly crops: readonly Uint8Array[]
}

/**
 * The worker's side of `onnxMatcher()`: onnxruntime blocks the thread that calls it, so it is not the one that serves requests.
 * @throws DiffiqaError `model-missing`, `model-integrity`, `model-incompatible`, `native-module-missing`.
 */
export async function createEmbedHandler(workerData: unknown): Promise<TaskHandler> {
  const { input, output, ...source } = workerData as EmbedWorkerData
  const { model, sha256 } = await load(source)
  const [inputName, ...others] = model.inputs
  const outputName = output ?? model.outputs[0]
  if (inputName === undefined || others.length > 0 || !outputName || !model.outputs.includes(outputName))
    throw new DiffiqaError(
      'model-incompatible',
      `An embedding model has one input and the output to read; this one has the inputs ${model.inputs.join(', ')} and the outputs ${model.outputs.join(', ')}`,
    )

  const embed = async (crop: Uint8Array): Promise<Float32Array> => {
    const answer = await model.run({ [inputName]: toTensor(crop, input) })
    return (answer[outputName] as { data: Float32Array }).data
  }
  const dimension = (await tryOut(embed)).length

  return async ({ name, input: work }, { cancelled }) => {
    if (name === 'describe') return { value: { sha256, dimension } satisfies EmbedderFacts }
    const embeddings: Float32Array[] = []
    for (const crop of (work as EmbedInput).crops) {
      if (cancelled()) throw new DiffiqaError('aborted')
      embeddings.push(await embed(crop))
    }
    return { value: embeddings }
  }
}

async function load(
  source: Omit<EmbedWorkerData, 'input' | 'output'>,
): Promise<{ model: TensorModel; sha256: string }> {
  if (!source.model) {
    const store = await ModelStore.open(source.modelsDir === undefined ? {} : { modelsDir: source.modelsDir })
    await store.selfTest(['embedder'])
    return { model: await store.session('embedder'), sha256: store.manifest.models.embedder.sha256 }
  }
  const bytes = 'bytes' in source.model ? source.model.bytes : await read(source.model.path)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (source.sha256 !== undefined && source.sha256.toLowerCase() !== sha256)
    throw new DiffiqaError('model-integrity', `The model has SHA-256 ${sha256}, expected is ${source.sha256}`)
  return { model: await createOnnxModel(bytes, 'embedding model', 1), sha256 }
}

async function read(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new DiffiqaError('model-missing', 'The file of the embedding model cannot be read', { cause })
  }
}

/** A crop of mid grey shows that the model takes our input, and how long its embeddings are. */
async function tryOut(embed: (crop: Uint8Array) => Promise<Float32Array>): Promise<Float32Array> {
  try {
    return await embed(new Uint8Array(3 * INPUT_SIDE * INPUT_SIDE).fill(127))
  } catch (cause) {
    throw new DiffiqaError(
      'model-incompatible',
      `The embedding model does not take one crop of ${INPUT_SIDE}×${INPUT_SIDE}: check \`input.layout\` and its output`,
      { cause },
    )
  }
}
