import express from 'express'
import { createGate } from 'express-diffiqa'
import { faceQuality, getFaceQuality, problemHandler } from 'express-diffiqa/express'
import { human, MemoryGallery } from 'express-diffiqa/human'
import { guard } from 'express-diffiqa/matcher'
import { loadHuman } from '/work/wt/adapters/examples/minimal-server/load-human.js'

const gate = await createGate()
const gallery = new MemoryGallery()
const guarded = guard(human(await loadHuman(), { gallery }), gate)

const app = express()
app.put('/people/:name', faceQuality(gate, { purpose: 'enrolment' }), async (req, res) => {
  const { subject } = await guarded.enrol(String(req.params.name), getFaceQuality(req))
  res.status(201).json({ subject })
})
app.post('/identify', faceQuality(gate), async (req, res) => {
  const { candidates } = await guarded.identify(getFaceQuality(req), { limit: 3 })
  res.json(candidates.map(({ subject, adjustedScore, match }) => ({ subject, adjustedScore, match })))
})
app.use(problemHandler())
const server = app.listen(0, '127.0.0.1', () => console.log('http://127.0.0.1:' + server.address().port))
