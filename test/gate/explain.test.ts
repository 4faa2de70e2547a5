import { describe, expect, it } from 'vitest'
import type { ExplainInput } from '../../src/gate/worker-tasks.ts'
import { alignedFace, syntheticFaces } from '../quality/stand-ins.ts'
import { photo, puppetGate, record } from './puppet-gate.ts'

const crop = alignedFace(syntheticFaces.smooth)

describe('explain()', () => {
  it('runs as a full score does, on a copy of the crop', async () => {
    const { gate, backend } = puppetGate()
    const explanation = { score: {}, versions: [] }
    backend.answer = () => explanation
    expect(await gate.explain(crop)).toBe(explanation)
    expect(backend.runs).toMatchObject([{ task: { name: 'explain' }, options: { kind: 'full' } }])
    const [input] = backend.runs.map(({ task }) => task.input as ExplainInput)
    expect(input?.pixels).not.toBe(crop.pixels)
    expect(crop.pixels).toHaveLength(112 * 112 * 3)
  })

  it('refuses what is no crop, and unknown options', async () => {
    const { gate } = puppetGate()
    await expect(gate.explain({ pixels: new Uint8Array(10) })).rejects.toMatchObject({ code: 'invalid-option' })
    await expect(gate.explain(undefined as never)).rejects.toMatchObject({ code: 'invalid-option' })
    await expect(gate.explain(crop, { timeout: 3 } as never)).rejects.toMatchObject({ code: 'invalid-option' })
    await expect(gate.explain(crop, { deadlineMs: -1 })).rejects.toMatchObject({ code: 'invalid-option' })
  })

  it('is not done by a closed gate', async () => {
    const { gate } = puppetGate()
    await gate.close()
    await expect(gate.explain(crop)).rejects.toMatchObject({ code: 'gate-closed' })
  })
})

describe('report: false', () => {
  it('tells nothing of an assessment, nor of its failure', async () => {
    const { gate, backend } = puppetGate()
    const told = record(gate, 'verdict', 'assessed', 'refusal', 'failure', 'shed', 'cache', 'degraded')
    const { verdict } = await gate.assess(photo(), { report: false })
    expect(verdict.decision).toBe('accept')
    await expect(gate.assess(new Uint8Array(0), { report: false })).rejects.toMatchObject({ code: 'empty-body' })
    backend.answer = () => Promise.reject(new Error('broken'))
    await expect(gate.assess(photo('b'), { report: false })).rejects.toMatchObject({ code: 'scoring-failed' })
    await gate.assess(photo('c'), { report: false, onFailure: 'pass' })
    expect(told).toEqual([])
    await expect(gate.assess(photo('d'))).rejects.toMatchObject({ code: 'scoring-failed' })
    expect(told.map(({ name }) => name)).toEqual(['failure', 'assessed'])
  })
})
