import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { GalleryMatcher } from '../../src/adapters/embedding-matcher.ts'
import { guard } from '../../src/adapters/guard.ts'
import type { Guarded } from '../../src/adapters/guard-types.ts'
import { human } from '../../src/adapters/human.ts'
import { onnxMatcher } from '../../src/adapters/onnx.ts'
import { createProbe } from '../../src/adapters/probe.ts'
import type { GateEvents } from '../../src/gate/events.ts'
import type { Gate } from '../../src/gate/gate.ts'
import { testGate } from '../fixtures/gate.ts'
import { realHuman } from '../fixtures/human.ts'
import { mirroredCapture } from '../fixtures/probes.ts'
import { type SampleFace, sampleFace } from '../fixtures/sample-faces.ts'

/** The clearest of the sample faces. */
const PEOPLE: readonly SampleFace[] = ['b', 'c', 'f']

const blurred = async (name: SampleFace, sigma: number): Promise<Buffer> =>
  sharp(await mirroredCapture(name))
    .blur(sigma)
    .jpeg({ quality: 90 })
    .toBuffer()

let gate: Gate
beforeAll(async () => {
  gate = await testGate()
})
afterAll(() => gate.close())

/** The least blurred copy that the gate takes with a weight. */
async function mildlyDegraded(name: SampleFace): Promise<Buffer> {
  for (let sigma = 2; sigma <= 9; sigma += 0.5) {
    const photo = await blurred(name, sigma)
    if ((await gate.assess(photo)).verdict.decision === 'down-weight') return photo
  }
  throw new Error('no blur was judged to be in between')
}

const adapters = {
  human: async () => human(await realHuman()),
  onnx: () => onnxMatcher(),
}

describe.each(Object.entries(adapters))('the gate in front of %s, both real', (name, open) => {
  let matcher: GalleryMatcher & { close?(): Promise<void> }
  let guarded: Guarded<GalleryMatcher>
  let events: GateEvents['matcher'][]
  let stop: () => void

  beforeAll(async () => {
    matcher = await open()
    for (const method of ['identify', 'verify', 'enrol'] as const) vi.spyOn(matcher, method)
    guarded = guard(matcher, gate)
    events = []
    stop = gate.on('matcher', (event) => events.push(event))
    for (const person of PEOPLE) await guarded.enrol(person, await sampleFace(person))
  })
  afterAll(async () => {
    stop()
    await matcher.close?.()
  })

  it('enrols good photos with their quality', () => {
    expect([...matcher.gallery].map(({ subject }) => subject)).toEqual(PEOPLE)
    for (const { quality } of matcher.gallery)
      expect(quality).toBeGreaterThanOrEqual(gate.thresholds.enrolment.rejectBelow)
    expect(events.filter(({ operation, outcome }) => operation === 'enrol' && outcome === 'ok')).toHaveLength(
      PEOPLE.length,
    )
  })

  it('accepts another capture and leaves its scores alone', async () => {
    const { verdict, candidates } = await guarded.identify(await mirroredCapture('f'), { limit: 4 })
    expect(verdict.decision).toBe('accept')
    expect(candidates[0]).toMatchObject({ subject: 'f', match: true, weight: 1 })
    expect(candidates[0]?.adjustedScore).toBe(candidates[0]?.rawScore)
    expect(candidates.slice(1).every(({ match }) => !match)).toBe(true)
    expect(events.at(-1)).toMatchObject({ matcher: name, operation: 'identify', outcome: 'ok', purpose: 'probe' })
  })

  it('rejects a badly blurred probe before the matcher is called', async () => {
    const photo = await blurred('f', 14)
    vi.mocked(matcher.identify).mockClear()
    vi.mocked(matcher.verify).mockClear()
    await expect(guarded.identify(photo)).rejects.toMatchObject({
      code: 'quality-rejected',
      details: {
        reasons: expect.arrayContaining([expect.objectContaining({ code: 'blur', advice: expect.any(String) })]),
      },
    })
    await expect(guarded.verify(photo, { subject: 'f' })).rejects.toMatchObject({ code: 'quality-rejected' })
    expect(matcher.identify).toHaveBeenCalledTimes(0)
    expect(matcher.verify).toHaveBeenCalledTimes(0)
    expect(events.slice(-2).map(({ outcome }) => outcome)).toEqual(['withheld', 'withheld'])
  })

  it('down-weights a mildly blurred probe: the adjusted score is below the raw one', async () => {
    const { verdict, candidates } = await guarded.identify(await mildlyDegraded('f'), { limit: 4 })
    const [best] = candidates
    expect(verdict.decision).toBe('down-weight')
    expect(best?.subject).toBe('f')
    expect(best?.weight).toBeGreaterThan(0.5)
    expect(best?.weight).toBeLessThan(1)
    expect(best?.adjustedScore).toBeLessThan(best?.rawScore as number)
    for (const { rawScore, adjustedScore } of candidates) expect(adjustedScore).toBeLessThanOrEqual(rawScore)
  })

  it('enrols nobody by a photo that is too poor, also where it would do as a probe', async () => {
    vi.mocked(matcher.enrol).mockClear()
    const photo = await blurred('f', 14)
    await expect(guarded.enrol('new', photo)).rejects.toMatchObject({ code: 'quality-rejected', status: 422 })
    const probe = await mildlyDegraded('f')
    const assessment = await gate.assess(probe, { crops: true })
    const value = assessment.verdict.score?.value as number
    const enrolment = guarded.enrol('new', { ...assessment, bytes: probe, probe: createProbe(probe, assessment) })
    if (value < gate.thresholds.enrolment.rejectBelow)
      await expect(enrolment).rejects.toMatchObject({ code: 'quality-rejected' })
    else {
      expect((await enrolment).verdict.purpose).toBe('enrolment')
      await guarded.remove('new')
    }
    expect([...matcher.gallery].map(({ subject }) => subject)).toEqual(PEOPLE)
  })

  it('scores req.faceQuality no second time', async () => {
    const photo = await mirroredCapture('c')
    const assessment = await gate.assess(photo, { crops: true })
    const verdicts = vi.fn()
    const off = gate.on('verdict', verdicts)
    const { candidates, verdict } = await guarded.identify({
      ...assessment,
      bytes: photo,
      probe: createProbe(photo, assessment),
    })
    off()
    expect(verdict).toBe(assessment.verdict)
    expect(candidates[0]?.subject).toBe('c')
    expect(verdicts).not.toHaveBeenCalled()
  })

  it('lets the badly blurred probe through in shadow, its scores untouched', async () => {
    const { verdict, candidates } = await guard(matcher, gate, { mode: 'shadow' }).identify(await blurred('f', 14))
    expect(verdict.decision).toBe('reject')
    expect(candidates.length).toBeGreaterThan(0)
    for (const { rawScore, adjustedScore, weight } of candidates) expect([adjustedScore, weight]).toEqual([rawScore, 1])
  })

  it('serves several probes at once', async () => {
    const answers = await Promise.all(PEOPLE.map(async (person) => guarded.identify(await mirroredCapture(person))))
    expect(answers.map(({ candidates }) => candidates[0]?.subject)).toEqual(PEOPLE)
  })
})
