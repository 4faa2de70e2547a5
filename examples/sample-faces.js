import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import sharp from 'sharp'

const SAMPLES = join(
  dirname(dirname(createRequire(import.meta.url).resolve('@vladmandic/face-api/dist/face-api.esm.js'))),
  'demo',
)

/** Sample photos of @vladmandic/face-api, one face each: file, then left, top, width, height of the part that holds it. */
export const PEOPLE = {
  ada: ['sample1.jpg', 300, 250, 460, 520],
  bea: ['sample2.jpg', 1330, 60, 440, 520],
  cleo: ['sample3.jpg', 470, 200, 480, 560],
  dora: ['sample4.jpg', 900, 60, 330, 480],
  fay: ['sample6.jpg', 1390, 100, 500, 700],
  gina: ['sample5.jpg', 260, 720, 440, 560],
}

/** Somebody who is never enrolled. */
export const STRANGER = ['sample5.jpg', 1290, 260, 430, 520]

/** JPEG of one face. */
export async function cut([file, left, top, width, height]) {
  return sharp(join(SAMPLES, file)).extract({ left, top, width, height }).jpeg({ quality: 95 }).toBuffer()
}

/** A stand-in for another capture of the same person: a copy, rotated and relit. */
export const anotherCapture = (face) => sharp(face).rotate(5, { background: '#808080' }).modulate({ brightness: 0.9 })
