/** Formats that are decoded. */
export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'tiff' | 'avif'

/** What the first bytes say: a format that is decoded, one that is known but refused, or nothing known. */
export interface Sniffed {
  readonly format: ImageFormat | undefined
  /** Name for people, also of formats that are not decoded. */
  readonly name: string
}

const AVIF_BRANDS = new Set(['avif', 'avis'])
const HEIC_BRANDS = new Set(['heic', 'heix', 'heim', 'heis', 'hevc', 'hevx', 'hevm', 'hevs'])

const ascii = (bytes: Uint8Array, start: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(start, start + length))

/** Brands of an ISO base media file; the generic `mif1` says nothing, so the compatible brands count too. */
function isoBrands(bytes: Uint8Array): string[] {
  const size = ((bytes[0] ?? 0) << 24) | ((bytes[1] ?? 0) << 16) | ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
  const end = Math.min(bytes.length, size, 256)
  const brands = [ascii(bytes, 8, 4)]
  for (let offset = 16; offset + 4 <= end; offset += 4) brands.push(ascii(bytes, offset, 4))
  return brands
}

/**
 * Tell an image's type from its first bytes; name and content type of an upload are claims, not facts.
 * @param bytes Encoded photo.
 */
export function sniff(bytes: Uint8Array): Sniffed {
  const head = ascii(bytes, 0, 16)
  if (head.startsWith('\xff\xd8\xff')) return { format: 'jpeg', name: 'JPEG' }
  if (head.startsWith('\x89PNG\r\n\x1a\n')) return { format: 'png', name: 'PNG' }
  if (head.startsWith('RIFF') && head.slice(8, 12) === 'WEBP') return { format: 'webp', name: 'WebP' }
  if (head.startsWith('II*\0') || head.startsWith('MM\0*')) return { format: 'tiff', name: 'TIFF' }
  if (head.slice(4, 8) === 'ftyp') {
    const brands = isoBrands(bytes)
    if (brands.some((brand) => AVIF_BRANDS.has(brand))) return { format: 'avif', name: 'AVIF' }
    if (brands.some((brand) => HEIC_BRANDS.has(brand) || brand === 'mif1')) return { format: undefined, name: 'HEIC' }
    return { format: undefined, name: 'a video or another ISO media file' }
  }
  if (head.startsWith('GIF8')) return { format: undefined, name: 'GIF' }
  if (head.startsWith('BM')) return { format: undefined, name: 'BMP' }
  if (head.startsWith('%PDF')) return { format: undefined, name: 'PDF' }
  if (
    /^\s*(<\?xml|<svg|<!--|<!doctype)/i.test(ascii(bytes, 0, Math.min(64, bytes.length)).replace(/^\xef\xbb\xbf/, ''))
  )
    return { format: undefined, name: 'SVG, XML or HTML' }
  return { format: undefined, name: 'unknown content' }
}
