import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { defineAdapter } from '../adapters/define-adapter.ts'
import { cosine, requireEmbedding } from '../adapters/gallery.ts'
import type { EmbeddingAccess, Matcher, Probe, ScoreScale } from '../adapters/matcher.ts'
import { onnxMatcher } from '../adapters/onnx.ts'
import { isDiffiqaError } from '../errors.ts'
import { openJudge } from '../evaluation/judge.ts'
import { readContract } from '../evaluation/judge-contract.ts'
import type { AlignedFace } from '../face/types.ts'
import { requireEmbeddings } from '../gate/full-look.ts'
import type { CalibrateOptions } from './calibrate-options.ts'
import { UsageError } from './usage-error.ts'

/** The matcher that is calibrated, however it was named. */
export interface OpenedMatcher {
  readonly name: string
  readonly modelId: string | undefined
  readonly direction: ScoreScale['direction']
  /** Undefined: it has none of its own. */
  readonly threshold: number | undefined
  /** @returns undefined when the matcher finds no face */
  describe(probe: Probe): Promise<Float32Array | undefined>
  compare(a: Float32Array, b: Float32Array): number
  /** Embeddings of aligned crops; absent where the matcher takes whole photos only. */
  embed?(crops: readonly AlignedFace[]): Promise<Float32Array[]>
  close(): Promise<void>
}

/** @throws UsageError, DiffiqaError of the matcher */
export async function openMatcher(options: CalibrateOptions): Promise<OpenedMatcher> {
  if (options.model !== undefined) return fromContract(options.model, options.name)
  const { modelsDir } = options
  const matcher =
    options.matcher === undefined
      ? await onnxMatcher(modelsDir === undefined ? {} : { modelsDir })
      : await fromModule(options.matcher)
  const { embeddings, embed, scale, modelId } = matcher
  return {
    name: options.name ?? matcher.name,
    modelId,
    direction: scale.direction,
    threshold: scale.defaultThreshold,
    describe: (probe) => describe(embeddings, probe),
    compare: (a, b) => embeddings.compare(a, b),
    ...(embed && {
      embed: async (crops: readonly AlignedFace[]) =>
        requireEmbeddings(await embed.call(matcher, crops, {}), crops.length),
    }),
    close: async () => {
      await (matcher as Partial<AsyncDisposable>)[Symbol.asyncDispose]?.()
    },
  }
}

async function fromContract(path: string, name = 'onnx'): Promise<OpenedMatcher> {
  const judge = await openJudge(await readContract(path))
  return {
    name,
    // As onnxMatcher() tells its own.
    modelId: judge.sha256.slice(0, 16),
    direction: 'similarity',
    threshold: undefined,
    describe: (probe) => judge.embed(probe.aligned.pixels),
    compare: (a, b) => cosine(requireEmbedding(a), requireEmbedding(b)),
    embed: async (crops) => {
      const embeddings: Float32Array[] = []
      for (const { pixels } of crops) embeddings.push(await judge.embed(pixels))
      return embeddings
    },
    close: () => judge.close(),
  }
}

async function fromModule(path: string): Promise<Matcher & { readonly embeddings: EmbeddingAccess }> {
  let exported: unknown
  try {
    exported = (await import(pathToFileURL(resolve(path)).href)).default
  } catch (cause) {
    throw new UsageError(
      `the module of the matcher cannot be loaded: ${cause instanceof Error ? cause.message : cause}`,
    )
  }
  const made = typeof exported === 'function' ? await exported() : exported
  const matcher = defineAdapter(made as Matcher)
  const { embeddings } = matcher
  if (typeof embeddings?.describe !== 'function' || typeof embeddings.compare !== 'function')
    throw new UsageError(
      `the matcher ${matcher.name} has no \`embeddings\`: only a matcher that makes and compares them itself can be calibrated`,
    )
  return matcher as Matcher & { readonly embeddings: EmbeddingAccess }
}

async function describe(embeddings: EmbeddingAccess, probe: Probe): Promise<Float32Array | undefined> {
  try {
    return await embeddings.describe(probe, {})
  } catch (error) {
    if (isDiffiqaError(error) && error.code === 'no-face') return undefined
    throw error
  }
}
