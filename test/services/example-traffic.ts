import sharp from 'sharp'
import { type SampleFace, sampleFace } from '../fixtures/sample-faces.ts'
import { flat } from '../http/pictures.ts'

const PEOPLE: readonly SampleFace[] = ['c', 'f', 'g', 'a']

/** Sample faces and degraded copies of them, as a camera would send them: what happens to photos, and how often of twenty. */
const COPIES: readonly (readonly [count: number, (face: Buffer) => ReturnType<typeof sharp>])[] = [
  [8, (face) => sharp(face).rotate(3, { background: '#808080' })],
  [3, (face) => sharp(face).blur(3)],
  [2, (face) => sharp(face).blur(4.5)],
  [2, (face) => sharp(face).blur(5)],
  [2, (face) => sharp(face).blur(6)],
  [2, (face) => sharp(face).blur(12)],
  [1, (face) => sharp(face).linear(0.1, 0)],
]

export interface Traffic {
  /** Photos of a service's day, again and again, until the time is up; all of them at least once. */
  send(seconds: number): Promise<void>
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<number, number>>
}

/** Real photos of every verdict for the example server. */
export async function exampleTraffic(url: string): Promise<Traffic> {
  const statuses: Record<number, number> = {}
  const post = async (path: string, method: string, body: Uint8Array, type = 'image/jpeg'): Promise<void> => {
    const { status } = await fetch(url + path, {
      method,
      body: new Uint8Array(body),
      headers: { 'content-type': type },
    })
    statuses[status] = (statuses[status] ?? 0) + 1
  }
  const photos: Buffer[] = []
  for (const person of PEOPLE) {
    const face = await sampleFace(person)
    for (const [count, copy] of COPIES) {
      const photo = await copy(face).jpeg({ quality: 90 }).toBuffer()
      photos.push(...Array.from({ length: count }, () => photo))
    }
  }
  photos.push(await flat(300, 300).jpeg().toBuffer(), Buffer.from('no photo at all'))
  for (const person of PEOPLE) await post(`/people/${person}`, 'PUT', await sampleFace(person))
  return {
    statuses,
    async send(seconds) {
      const end = Date.now() + seconds * 1000
      for (let i = 0; Date.now() < end || i < photos.length; i++) {
        if (i % photos.length === 0) await post('/identify', 'POST', Buffer.from('{"x":1}'), 'application/json')
        // Eleven is coprime to the number of photos: each round has some of every kind.
        await post('/identify', 'POST', photos[(i * 11) % photos.length] as Buffer)
      }
    },
  }
}
