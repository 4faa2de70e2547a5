import { useState } from 'preact/hooks'
import type { ExplainAnswer, FaceAnswer, VersionAnswer } from '../wire.ts'
import { ApiError, explain, inTurn, type Problem } from './api.ts'
import { Crop } from './canvas.tsx'
import { bytesOf } from './picture.ts'
import { ScoreBar } from './score-bar.tsx'
import type { Trial } from './state.ts'
import { fixed, TERM } from './words.ts'

/** "Show me why": what full DifFIQA compares for a face, made when asked for. Give it the face's key, so that it starts anew with each. */
export function Why({ face, trial }: { face: FaceAnswer; trial: Trial }) {
  const [answer, setAnswer] = useState<ExplainAnswer>()
  const [problem, setProblem] = useState<Problem>()
  const [busy, setBusy] = useState(false)

  const ask = async (): Promise<void> => {
    setBusy(true)
    setProblem(undefined)
    try {
      setAnswer(await inTurn(() => explain(bytesOf(face.crop))))
    } catch (error) {
      if (!(error instanceof ApiError)) throw error
      setProblem(error.problem)
    } finally {
      setBusy(false)
    }
  }

  if (answer) return <Comparison face={face} answer={answer} trial={trial} />
  return (
    <section class="panel why" aria-label="The full score">
      <div class="actions">
        <button type="button" class="button" onClick={ask} disabled={busy}>
          {busy ? 'Adding noise, restoring …' : 'Show me why'}
        </button>
        <span class="quiet">runs full DifFIQA on this face and shows what it compares</span>
      </div>
      {problem && (
        <p class="problem" role="alert">
          {problem.title}. {problem.detail}
        </p>
      )}
    </section>
  )
}

function Comparison({ face, answer, trial }: { face: FaceAnswer; answer: ExplainAnswer; trial: Trial }) {
  const { score, versions } = answer
  return (
    <section class="panel why" aria-label="What full DifFIQA compared">
      <h2>What full DifFIQA compared</h2>
      <p class="quiet">
        It disturbs the face, lets a diffusion model restore it, and asks a recognition network how much of the person
        is left. The less the face changes, the better it can be recognised.
      </p>
      <div class="versions">
        <figure>
          <Crop pixels={face.crop} label="The face as the networks see it" />
          <figcaption>
            The face <span class="quiet">112 × 112 px</span>
          </figcaption>
        </figure>
        {versions.map((version) => (
          <VersionFigure key={`${version.term} ${version.timestep}`} version={version} />
        ))}
      </div>
      <p class="score-line">
        Full DifFIQA <strong>{fixed(score.value)}</strong> ± {fixed(score.sigma)}
        <span class="quiet">
          {' '}
          · DifFIQA(R) {fixed(face.fast.value)} ± {fixed(face.fast.sigma)}
        </span>
      </p>
      <ScoreBar score={score} trial={trial} />
    </section>
  )
}

function VersionFigure({ version }: { version: VersionAnswer }) {
  const { term, timestep, similarity, pixels, noisy, counts } = version
  const name = TERM[term]
  return (
    <figure>
      <div class="chain">
        {noisy && (
          <>
            <Crop pixels={noisy} label={`Noise added, step ${timestep} of 1000`} />
            <span class="arrow" aria-hidden="true">
              →
            </span>
          </>
        )}
        <Crop pixels={pixels} label={`${name}, step ${timestep} of 1000`} />
      </div>
      <figcaption>
        {name}
        {term !== 'mirror' && <span class="quiet"> step {timestep} of 1000</span>}
        <span class="similarity">
          similarity <strong>{similarity.toFixed(3)}</strong>
        </span>
        <span class="meter" aria-hidden="true">
          <i style={{ width: `${100 * Math.max(0, similarity)}%` }} />
        </span>
        {!counts && <span class="quiet">only to be looked at: this preset does not score it</span>}
      </figcaption>
    </figure>
  )
}
