import { type ByteCache, recallNumbers } from './byte-cache.ts'
import type { Judge } from './judge.ts'
import type { JudgeContract } from './judge-contract.ts'

/** The judge, asked once per crop: an embedding is found again by the hash of the network, how it is fed, and the pixels. */
export function cachedJudge(judge: Judge, contract: JudgeContract, cache: ByteCache): Judge {
  const { name: _name, model: _model, sha256: _sha256, fmr: _fmr, ...feeding } = contract
  const key = `${judge.sha256} ${JSON.stringify(feeding)}`
  return { ...judge, embed: (pixels) => recallNumbers(cache, [key, pixels], () => judge.embed(pixels)) }
}
