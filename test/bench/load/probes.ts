import sharp from 'sharp'
import { createGate } from '../../../src/gate/create-gate.ts'
import { benchPhotos } from '../photos.ts'

/** Photos whose fast score settles the verdict, and photos where it does not. */
export interface Probes {
  readonly certain: readonly Buffer[]
  readonly uncertain: readonly Buffer[]
}

const BLURS = [3, 4, 5, 6, 8, 10]

/**
 * The bench's photos, and the same ones blurred until the gate wants a second look at every one of them with the default policy.
 * @throws Error where the shipped networks do not see them so
 */
export async function loadProbes(): Promise<Probes> {
  await using gate = await createGate({ workers: 1, escalationBudget: 0 })
  const share = async (photos: readonly Buffer[]): Promise<number> => {
    let doubtful = 0
    for (const photo of photos) {
      const { verdict } = await gate.assess(photo, { deadlineMs: 60_000 }).catch(() => ({ verdict: undefined }))
      if (verdict?.uncertain) doubtful++
    }
    return doubtful / photos.length
  }
  const certain = await benchPhotos()
  if ((await share(certain.slice(0, 4))) > 0) throw new Error('the bench photos are not clear cases for these networks')
  for (const blur of BLURS) {
    const uncertain = await Promise.all(
      certain.map((photo) => sharp(photo).blur(blur).jpeg({ quality: 90 }).toBuffer()),
    )
    if ((await share(uncertain.slice(0, 2))) === 1 && (await share(uncertain)) === 1) return { certain, uncertain }
  }
  throw new Error('no blur makes every bench photo an uncertain case for these networks')
}

/**
 * The same picture under other bytes, as from another camera shot: a JPEG comment of eight digits after the first marker. The gate does
 * the same photo only once when it is wanted several times at once, and here none must be spared.
 */
export function marked(photo: Buffer, mark: number): Buffer {
  const comment = Buffer.from(`\xff\xfe\x00\x0a${String(mark).padStart(8, '0')}`, 'latin1')
  return Buffer.concat([photo.subarray(0, 2), comment, photo.subarray(2)])
}
