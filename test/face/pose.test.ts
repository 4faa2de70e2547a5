import { describe, expect, test } from 'vitest'
import { estimatePose } from '../../src/face/pose.ts'
import type { Landmarks } from '../../src/face/types.ts'
import { mapPoint, TEMPLATE } from '../../src/face/umeyama.ts'

const moved = (change: (p: { x: number; y: number }, index: number) => { x: number; y: number }): Landmarks =>
  TEMPLATE.map(change) as unknown as Landmarks

describe('estimatePose', () => {
  test('the template looks straight ahead', () => {
    const pose = estimatePose(TEMPLATE)
    for (const angle of [pose.yaw, pose.pitch, pose.roll]) expect(Math.abs(angle)).toBeLessThan(10)
  })

  test.each([-150, -90, -30, 45, 90, 170])('a turn of %i degrees in the image is roll and nothing else', (degrees) => {
    const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)]
    const pose = estimatePose(moved((p) => mapPoint([c, -s, 200, s, c, 300], p)))
    const upright = estimatePose(TEMPLATE)
    expect(pose.roll).toBeCloseTo(degrees + upright.roll, 0)
    expect(pose.yaw).toBeCloseTo(upright.yaw, 5)
    expect(pose.pitch).toBeCloseTo(upright.pitch, 5)
  })

  test('a nose to the right is positive yaw, a nose near the mouth positive pitch', () => {
    const right = estimatePose(moved((p, i) => (i === 2 ? { x: p.x + 12, y: p.y } : p)))
    const down = estimatePose(moved((p, i) => (i === 2 ? { x: p.x, y: p.y + 8 } : p)))
    expect(right.yaw).toBeGreaterThan(30)
    expect(down.pitch).toBeGreaterThan(10)
  })

  test('mirrored points mirror yaw and roll', () => {
    const [l, r, n, ml, mr] = moved((p, i) => ({ x: p.x + (i === 2 ? 7 : 0), y: p.y + p.x * 0.1 }))
    const flip = ({ x, y }: { x: number; y: number }) => ({ x: 112 - x, y })
    const pose = estimatePose([l, r, n, ml, mr])
    const mirror = estimatePose([flip(r), flip(l), flip(n), flip(mr), flip(ml)])
    expect(mirror.yaw).toBeCloseTo(-pose.yaw, 5)
    expect(mirror.roll).toBeCloseTo(-pose.roll, 5)
    expect(mirror.pitch).toBeCloseTo(pose.pitch, 5)
  })
})
