import express from 'express'
import { createGate } from 'express-diffiqa'
import { faceQuality, getFaceQuality, metricsHandler, problemHandler, readyHandler } from 'express-diffiqa/express'
import { guard } from 'express-diffiqa/matcher'
import { onnxMatcher } from 'express-diffiqa/onnx'
import { pgvector, pgvectorMigration } from 'express-diffiqa/pgvector'

/** What a client may know of a score: no embeddings, no exact numbers that help to climb. */
const shown = ({ subject, adjustedScore, match }) => ({
  ...(subject !== undefined && { subject }),
  score: Number(adjustedScore.toFixed(2)),
  match,
})
const quality = ({ decision, score }) => ({ decision, quality: Number(score?.value.toFixed(2)) })

/**
 * Enrols, identifies and verifies people by photos, with the quality gate before every photo and the people in a database.
 * @param pool A Pool of `pg`.
 */
export async function startService({ pool, port = 3000, host = '127.0.0.1' }) {
  const embedder = await onnxMatcher()
  await pool.query(pgvectorMigration({ dimension: embedder.dimension }))
  const gate = await createGate({ deadlineMs: 10_000 })
  const people = pgvector(pool, embedder)
  const guarded = guard(people, gate)
  const app = express()

  app.get('/people', async (_req, res) => {
    const { rows } = await pool.query('select subject, quality, enrolled_at from face_templates order by subject')
    res.json(rows)
  })
  app.put('/people/:name', faceQuality(gate, { purpose: 'enrolment' }), async (req, res) => {
    const { subject, verdict } = await guarded.enrol(req.params.name, getFaceQuality(req))
    res.status(201).json({ subject, ...quality(verdict) })
  })
  app.delete('/people/:name', async (req, res) => {
    await guarded.remove(req.params.name)
    res.status(204).end()
  })
  app.post('/people/:name/verify', faceQuality(gate), async (req, res) => {
    const answer = await guarded.verify(getFaceQuality(req), { subject: req.params.name })
    res.json({ ...quality(answer.verdict), ...shown(answer) })
  })
  app.post('/identify', faceQuality(gate), async (req, res) => {
    const { verdict, candidates } = await guarded.identify(getFaceQuality(req), { limit: 3 })
    const best = candidates.find(({ match }) => match)
    res.json({ ...quality(verdict), subject: best?.subject ?? null, candidates: candidates.map(shown) })
  })
  app.get('/metrics', metricsHandler(gate, { matcherName: people.name }))
  const databaseAnswers = (_req, res, next) =>
    pool.query('select 1').then(
      () => next(),
      () => res.status(503).json({ ready: false, reason: 'the database does not answer' }),
    )
  app.get('/ready', databaseAnswers, readyHandler(gate))
  app.use(problemHandler())

  const server = app.listen(port, host)
  await new Promise((done, failed) => server.once('listening', done).once('error', failed))
  const close = async () => {
    await new Promise((done) => server.close(done))
    await gate.close()
    await embedder.close()
  }
  return { url: `http://${host}:${server.address().port}`, close }
}
