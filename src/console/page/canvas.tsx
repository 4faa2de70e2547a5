import { useLayoutEffect, useRef } from 'preact/hooks'
import { bytesOf } from './picture.ts'

const SIDE = 112

/** A 112 × 112 crop as the networks see it; without a label where words beside it say the same. */
export function Crop({ pixels, label, class: name }: { pixels: string; label?: string; class?: string }) {
  const ref = useRef<HTMLCanvasElement>(null)
  useLayoutEffect(() => {
    const rgb = bytesOf(pixels)
    const image = new ImageData(SIDE, SIDE)
    for (let i = 0, k = 0; k < rgb.length; i += 4, k += 3) {
      image.data.set(rgb.subarray(k, k + 3), i)
      image.data[i + 3] = 255
    }
    ref.current?.getContext('2d')?.putImageData(image, 0, 0)
  }, [pixels])
  const what = label ? { role: 'img' as const, 'aria-label': label } : { 'aria-hidden': true }
  return <canvas ref={ref} width={SIDE} height={SIDE} class={`crop ${name ?? ''}`} {...what} />
}

/** A photo. */
export function Picture({ bitmap, label }: { bitmap: ImageBitmap; label: string }) {
  const ref = useRef<HTMLCanvasElement>(null)
  useLayoutEffect(() => {
    ref.current?.getContext('2d')?.drawImage(bitmap, 0, 0)
  }, [bitmap])
  return <canvas ref={ref} width={bitmap.width} height={bitmap.height} role="img" aria-label={label} />
}
