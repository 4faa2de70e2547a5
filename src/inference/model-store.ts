import { DiffiqaError } from '../errors.ts'
import { checkOptions } from './backend-options.ts'
import { type Manifest, MODEL_NAMES, type ModelName } from './manifest.ts'
import { loadManifest, modelsUrl } from './manifest-file.ts'
import { MODEL_CONTRACTS } from './model-contract.ts'
import { readModelFile } from './model-file.ts'
import { createOnnxModel } from './onnx-model.ts'
import { checkSelfTest } from './self-test.ts'
import type { Tensor, TensorModel } from './tensor-model.ts'

export interface ModelStoreOptions {
  /** Folder with manifest.json and the ONNX files: a path or a `file:` URL. @default the one that comes with the package */
  readonly modelsDir?: URL | string
  /** Threads of each network; workers × numThreads should not exceed the cores. @default 1 */
  readonly numThreads?: number
}

/** The networks of one models folder, each loaded when first asked for, from the very bytes that were hashed. */
export class ModelStore {
  readonly manifest: Manifest
  readonly #folder: URL
  readonly #numThreads: number
  readonly #models = new Map<ModelName, Promise<TensorModel>>()
  #closed = false

  private constructor(manifest: Manifest, folder: URL, numThreads: number) {
    this.manifest = manifest
    this.#folder = folder
    this.#numThreads = numThreads
  }

  /** @throws DiffiqaError `model-missing` or `model-incompatible` for the manifest, `invalid-option` */
  static async open(options: ModelStoreOptions = {}): Promise<ModelStore> {
    checkOptions(options, ['modelsDir', 'numThreads'], { numThreads: 1 })
    const folder = modelsUrl(options.modelsDir)
    return new ModelStore(await loadManifest(folder), folder, options.numThreads ?? 1)
  }

  /**
   * @throws DiffiqaError `model-missing`, `model-integrity` (the file is not the one the manifest names), `model-incompatible` (the
   * runtime refuses it, or it has other inputs and outputs), `native-module-missing`, `gate-closed`
   */
  session(name: ModelName): Promise<TensorModel> {
    if (this.#closed) return Promise.reject(new DiffiqaError('gate-closed', 'The model store is closed'))
    let model = this.#models.get(name)
    if (!model) {
      model = this.#load(name)
      this.#models.set(name, model)
      // A failed load may succeed later, when the file is back.
      model.catch(() => this.#models.delete(name))
    }
    return model
  }

  /**
   * Lets each network answer a synthetic tensor and compares with the manifest: proves that this runtime on this processor computes
   * what was trained. An answer may differ by tolerance × max(1, |expected|).
   *
   * @throws DiffiqaError `model-incompatible` (details.model), and whatever `session()` throws
   */
  async selfTest(names: readonly ModelName[] = MODEL_NAMES): Promise<void> {
    for (const name of names) {
      const answer = await selfTestAnswer(name, await this.session(name))
      checkSelfTest(name, answer.data, this.manifest.selfTest[name])
    }
  }

  /** Frees the networks; `session()` is refused afterwards. */
  async close(): Promise<void> {
    this.#closed = true
    const models = [...this.#models.values()]
    this.#models.clear()
    const loaded = await Promise.allSettled(models)
    await Promise.all(loaded.map((model) => (model.status === 'fulfilled' ? model.value.dispose() : undefined)))
  }

  async #load(name: ModelName): Promise<TensorModel> {
    const model = await createOnnxModel(await readModelFile(this.manifest, this.#folder, name), name, this.#numThreads)
    const { inputs, outputs } = MODEL_CONTRACTS[name]
    const missing = [
      ...inputs.filter((input) => !model.inputs.includes(input)),
      ...outputs.filter((output) => !model.outputs.includes(output)),
    ]
    if (missing.length === 0 && model.inputs.length === inputs.length) return model
    await model.dispose()
    throw new DiffiqaError(
      'model-incompatible',
      `The model "${name}" has the inputs ${model.inputs.join(', ')} and the outputs ${model.outputs.join(', ')}; ` +
        `needed are ${inputs.join(', ')} and ${outputs.join(', ')}`,
      { details: { model: name, missing } },
    )
  }
}

async function selfTestAnswer(name: ModelName, model: TensorModel): Promise<Tensor> {
  const output = MODEL_CONTRACTS[name].outputs[0] as string
  try {
    const answers = await model.run(MODEL_CONTRACTS[name].selfTestFeeds())
    return answers[output] as Tensor
  } catch (cause) {
    throw new DiffiqaError('model-incompatible', `The model "${name}" fails its self-test`, {
      cause,
      details: { model: name },
    })
  }
}
