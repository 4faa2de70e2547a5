import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, normalize, parse, sep } from 'node:path'
import { CROP_SIZE } from '../face/align.ts'
import type { AlignedFace } from '../face/types.ts'

/** Writes the crops of one file; the paths of the PNGs, in the order of the faces. */
export type CropWriter = (file: string, faces: readonly AlignedFace[]) => Promise<string[]>

/**
 * Where a crop goes: the file's path below `folder`, plus the face's index. Nothing leaves `folder`: a path from the root starts there
 * without its root, and each step up becomes a folder `__`. The file's own ending stays, so a.jpg and a.png do not meet.
 */
export function cropPath(folder: string, file: string, face: number): string {
  const path = normalize(file)
  const { root } = parse(path)
  const steps = path
    .slice(root.length)
    .split(sep)
    .map((step) => (step === '..' ? '__' : step))
  const drive = root.replace(/[^A-Za-z0-9]+/g, '')
  return `${join(folder, drive, ...steps)}.${face}.png`
}

/**
 * @param folder - created when it is not there
 * @throws the error of the file system
 */
export async function createCropWriter(folder: string): Promise<CropWriter> {
  await mkdir(folder, { recursive: true })
  const { default: sharp } = await import('sharp')
  const raw = { width: CROP_SIZE, height: CROP_SIZE, channels: 3 } as const
  return (file, faces) =>
    Promise.all(
      faces.map(async ({ pixels }, face) => {
        const path = cropPath(folder, file, face)
        const png = await sharp(pixels, { raw }).png().toBuffer()
        await mkdir(dirname(path), { recursive: true })
        await writeFile(path, png)
        return path
      }),
    )
}
