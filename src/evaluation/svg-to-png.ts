import sharp from 'sharp'

/** Pixels of the PNG per pixel of the SVG. */
const SCALE = 2

/**
 * Rasterises an SVG that we drew. Its letters are those of the fonts of the system: without any there are none.
 *
 * Decoding photos blocks SVG for the whole process, since photos come from strangers; it is open only in here.
 */
export async function svgToPng(svg: string): Promise<Uint8Array> {
  sharp.unblock({ operation: ['VipsForeignLoadSvg'] })
  try {
    return await sharp(Buffer.from(svg), { density: 72 * SCALE })
      .png({ palette: true })
      .toBuffer()
  } finally {
    sharp.block({ operation: ['VipsForeignLoadSvg'] })
  }
}
