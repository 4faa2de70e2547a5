import { describe, expect, test } from 'vitest'
import type { Face, Landmarks } from '../../src/face/types.ts'
import { faceSize, selectFaces } from '../../src/gate/face-selection.ts'

/** A frontal face with its eyes `eyes` pixels apart; `turn` brings them together as a turned head does. */
function face(eyes: number, x = 100, turn = 1): Face {
  const at = (dx: number, dy: number) => ({ x: x + dx * eyes * turn, y: 100 + dy * eyes })
  const landmarks: Landmarks = [at(-0.5, 0), at(0.5, 0), at(0, 0.57), at(-0.4, 1.15), at(0.4, 1.15)]
  return {
    box: { x: x - eyes, y: 100 - eyes, width: 2 * eyes, height: 2.7 * eyes },
    confidence: 0.9,
    landmarks,
    interEyeDistance: eyes * turn,
    pose: { yaw: 0, pitch: 0, roll: 0 },
  }
}

const refusal = (act: () => unknown): unknown => {
  try {
    act()
  } catch (error) {
    return error
  }
  return undefined
}

describe('selectFaces', () => {
  test('nothing found', () => {
    expect(refusal(() => selectFaces([], 'one', 13))).toMatchObject({
      code: 'no-face',
      details: { faces: 0, reasons: [{ code: 'no_face', advice: expect.stringMatching(/closer/) }] },
    })
  })

  test.each(['one', 'largest', 'all'] as const)('%s: only faces under the minimum', (selection) => {
    expect(refusal(() => selectFaces([face(12), face(9)], selection, 13))).toMatchObject({
      code: 'face-too-small',
      details: {
        faces: 2,
        reasons: [{ code: 'too_small', measure: 'inter-eye-distance', value: 12, threshold: 13 }],
      },
    })
  })

  test('a bystander under the minimum does not count', () => {
    const [large, small] = [face(60), face(8, 400)]
    expect(selectFaces([large, small], 'one', 13)).toEqual([large])
    expect(selectFaces([large, small], 'all', 13)).toEqual([large])
  })

  test('several large ones', () => {
    const three = [face(60), face(50, 300), face(40, 500)]
    expect(refusal(() => selectFaces(three, 'one', 13))).toMatchObject({
      code: 'several-faces',
      details: { faces: 3, reasons: [{ code: 'several_faces', value: 3 }] },
    })
    expect(selectFaces(three, 'largest', 13)).toEqual([three[0]])
    expect(selectFaces(three, 'all', 13)).toEqual(three)
  })

  test('a large profile is not a small face', () => {
    const profile = face(40, 100, 0.2)
    expect(profile.interEyeDistance).toBeLessThan(13)
    expect(faceSize(profile)).toBeCloseTo(40, 0)
    expect(selectFaces([profile], 'one', 13)).toEqual([profile])
  })
})
