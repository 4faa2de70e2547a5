/** Longest side of what is kept of a photo to be shown. */
const MAX_SIDE = 1024

/** A small upright copy of a photo, made in the browser; null for a format that it cannot show, such as TIFF. */
export async function pictureOf(photo: Blob): Promise<ImageBitmap | null> {
  try {
    const whole = await createImageBitmap(photo)
    const scale = Math.min(1, MAX_SIDE / Math.max(whole.width, whole.height))
    if (scale === 1) return whole
    const small = await createImageBitmap(whole, {
      resizeWidth: Math.round(whole.width * scale),
      resizeHeight: Math.round(whole.height * scale),
      resizeQuality: 'high',
    })
    whole.close()
    return small
  } catch {
    return null
  }
}

export function bytesOf(base64: string): Uint8Array<ArrayBuffer> {
  const text = atob(base64)
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}
