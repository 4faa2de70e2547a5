import type { Face, RgbImage } from '../face/types.ts'

/** The person the photo is of: the large face near the middle. */
export function subject(faces: readonly Face[], image: Pick<RgbImage, 'width' | 'height'>): Face | undefined {
  const merit = ({ box }: Face): number => {
    const dx = (box.x + box.width / 2) / image.width - 0.5
    const dy = (box.y + box.height / 2) / image.height - 0.5
    return (Math.sqrt(box.width * box.height) / image.width) * (1 - Math.hypot(dx, dy))
  }
  return [...faces].sort((a, b) => merit(b) - merit(a))[0]
}
