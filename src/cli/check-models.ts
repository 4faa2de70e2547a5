import { CROP_SIZE } from '../face/align.ts'
import type { AlignedFace, Face, Point } from '../face/types.ts'
import { MODEL_NAMES, type ModelName } from '../inference/manifest.ts'
import { ModelStore } from '../inference/model-store.ts'
import { createDiffiqa } from '../quality/diffiqa.ts'
import { createRegressor } from '../quality/diffiqa-r.ts'
import { type Check, CheckSkipped } from './check.ts'

/** The models folder under examination, opened by the first check and used by the others. */
export class ModelChecks {
  readonly #modelsDir: string | undefined
  #store: ModelStore | undefined
  readonly #passed = new Set<ModelName>()

  constructor(modelsDir: string | undefined) {
    this.#modelsDir = modelsDir
  }

  get checks(): readonly Check[] {
    return [
      { name: 'manifest', run: () => this.#manifest() },
      ...MODEL_NAMES.map((name) => ({ name: `model ${name}`, run: () => this.#model(name) })),
    ]
  }

  /** DifFIQA(R) and full DifFIQA of one synthetic face, second run each: the first one allocates. */
  get timing(): Check {
    return { name: 'timing', run: () => this.#time() }
  }

  async close(): Promise<void> {
    await this.#store?.close()
  }

  async #manifest(): Promise<string> {
    this.#store = await ModelStore.open(this.#modelsDir === undefined ? {} : { modelsDir: this.#modelsDir })
    return `model version ${this.#store.manifest.modelVersion}`
  }

  async #model(name: ModelName): Promise<string> {
    if (!this.#store) throw new CheckSkipped('needs the manifest')
    await this.#store.selfTest([name])
    this.#passed.add(name)
    const { file, bytes, sha256 } = this.#store.manifest.models[name]
    return `${file}, ${(bytes / 1e6).toFixed(1)} MB, SHA-256 ${sha256.slice(0, 8)}… as in the manifest, self-test passed`
  }

  async #time(): Promise<string> {
    const store = this.#store
    if (!store || this.#passed.size < MODEL_NAMES.length) throw new CheckSkipped('needs every model')
    const { manifest } = store
    const regressor = createRegressor(await store.session('regressor'), manifest)
    const [embedder, denoiser] = [await store.session('embedder'), await store.session('denoiser')]
    const diffiqa = createDiffiqa({ embedder, denoiser, manifest })
    const face = syntheticFace()
    const fast = await milliseconds(() => regressor.score([face]))
    const full = await milliseconds(() => diffiqa.score(face))
    return `DifFIQA(R) ${fast.toFixed(1)} ms, full DifFIQA ${full.toFixed(1)} ms a face on one thread`
  }
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  await work()
  const start = performance.now()
  await work()
  return performance.now() - start
}

/** Nobody: a pattern of the size of a crop. */
function syntheticFace(): AlignedFace {
  const point: Point = { x: 0, y: 0 }
  const face: Face = {
    box: { x: 0, y: 0, width: CROP_SIZE, height: CROP_SIZE },
    confidence: 1,
    landmarks: [point, point, point, point, point],
    interEyeDistance: 35,
    pose: { yaw: 0, pitch: 0, roll: 0 },
  }
  const pixels = Uint8Array.from({ length: CROP_SIZE * CROP_SIZE * 3 }, (_, k) => (k * 37) % 256)
  return { pixels, transform: [1, 0, 0, 0, 1, 0], residual: 0, face }
}
