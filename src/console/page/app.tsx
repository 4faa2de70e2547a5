import { useCallback, useEffect, useReducer, useRef, useState } from 'preact/hooks'
import type { RateAnswer } from '../wire.ts'
import { ApiError, assess, getSettings, inTurn, type Problem } from './api.ts'
import { BatchTable } from './batch-table.tsx'
import { FacePanel } from './face-panel.tsx'
import { Intake } from './intake.tsx'
import { pictureOf } from './picture.ts'
import { RateStrip } from './rate-strip.tsx'
import { isRefusal, judgeFace, rowsOf } from './rows.ts'
import { ProblemPanel, Stage } from './stage.tsx'
import { EMPTY, type Item, reduce, type Selection, type Trial } from './state.ts'
import { Thresholds } from './thresholds.tsx'
import { Webcam } from './webcam.tsx'
import { Why } from './why.tsx'

const BROKEN: Problem = { code: 'page', status: 0, title: 'Something went wrong on this page', detail: '' }
const problemOf = (error: unknown): Problem => (error instanceof ApiError ? error.problem : BROKEN)

export function App() {
  const [state, dispatch] = useReducer(reduce, EMPTY)
  const [camera, setCamera] = useState(false)
  const [full, setFull] = useState(false)
  const wantsFull = useRef(full)
  wantsFull.current = full
  const lastId = useRef(0)

  useEffect(() => {
    getSettings().then(
      (settings) => dispatch({ type: 'settings', settings }),
      (error: unknown) => dispatch({ type: 'failure', problem: problemOf(error) }),
    )
  }, [])

  const score = useCallback((id: number, photo: File) => {
    const change = (change: Partial<Item>): void => dispatch({ type: 'change', id, change })
    change({ problem: undefined })
    void inTurn(async () => {
      change({ picture: await pictureOf(photo) })
      change({ answer: await assess(photo, wantsFull.current), photo: undefined })
    }).catch((error: unknown) => {
      const problem = problemOf(error)
      change(isRefusal(problem) ? { problem, photo: undefined } : { problem })
    })
  }, [])

  const addPhotos = useCallback(
    (photos: readonly File[]) => {
      const items = photos.map((photo) => ({ id: ++lastId.current, name: photo.name || 'pasted photo', photo }))
      dispatch({ type: 'add', items })
      for (const { id, photo } of items) score(id, photo)
    },
    [score],
  )

  // The table may be far below what it chooses.
  const view = useRef<HTMLDivElement>(null)
  const choose = (selection: Selection): void => {
    dispatch({ type: 'select', selection })
    view.current?.scrollIntoView({ block: 'nearest' })
  }

  const onRate = useCallback(
    ({ policy, thresholds }: RateAnswer) => dispatch({ type: 'in-force', change: { policy, thresholds } }),
    [],
  )

  const { items, selected, settings, trial, failure } = state
  const item = items.find(({ id }) => id === selected?.id)
  const face = selected?.face ?? 0
  const shown = item?.answer?.faces[face]
  const isEmpty = items.length === 0 && !camera
  const rows = trial ? rowsOf(items, trial) : []
  return (
    <>
      <header class="top">
        <h1>
          <img src="icon.svg" alt="" width={28} height={28} /> Face quality console
        </h1>
        {settings && (
          <p class="facts">
            <span>
              policy <strong>{settings.policy}</strong>
            </span>
            <span>
              mode <strong>{settings.mode}</strong>
            </span>
            <span>
              model <strong>{settings.modelVersion}</strong>
            </span>
          </p>
        )}
        <RateStrip onRate={onRate} />
      </header>
      <main>
        {failure && <ProblemPanel problem={failure} />}
        <div class={`bar ${isEmpty ? 'is-empty' : ''}`}>
          <Intake onPhotos={addPhotos} compact={!isEmpty} />
          <div class="bar-side">
            {!camera && (
              <button type="button" class="button" onClick={() => setCamera(true)}>
                Use the camera
              </button>
            )}
            <label class="check">
              <input type="checkbox" checked={full} onChange={(event) => setFull(event.currentTarget.checked)} />
              Full DifFIQA for every face
            </label>
          </div>
        </div>
        {isEmpty && (
          <p class="hint">
            Photos are scored by this server, in memory, and forgotten: nothing is stored, counted or sent anywhere
            else.
          </p>
        )}
        {trial && camera && (
          <div class="view">
            <Webcam trial={trial} onPhoto={(photo) => addPhotos([photo])} onStop={() => setCamera(false)} />
          </div>
        )}
        {trial && item && (
          <div class="view" ref={view}>
            <Stage
              item={item}
              face={face}
              trial={trial}
              onSelect={(next) => dispatch({ type: 'select', selection: { id: item.id, face: next } })}
            />
            <section class="panel" aria-label="Verdict">
              <Verdict item={item} face={face} trial={trial} onRetry={score} />
            </section>
            {shown && <Why key={`${item.id} ${face}`} face={shown} trial={trial} />}
          </div>
        )}
        {trial && settings && items.length > 0 && (
          <>
            <Thresholds
              settings={settings}
              trial={trial}
              rows={rows}
              onTrial={(next) => dispatch({ type: 'trial', trial: next })}
            />
            <BatchTable
              rows={rows}
              trial={trial}
              selected={selected}
              onSelect={choose}
              onClear={() => dispatch({ type: 'clear' })}
            />
          </>
        )}
      </main>
    </>
  )
}

interface VerdictProps {
  readonly item: Item
  readonly face: number
  readonly trial: Trial
  readonly onRetry: (id: number, photo: File) => void
}

function Verdict({ item, face, trial, onRetry }: VerdictProps) {
  const { id, photo, answer, problem } = item
  if (problem)
    return (
      <>
        <ProblemPanel problem={problem} />
        {photo && (
          <div class="actions">
            <button type="button" class="button" onClick={() => onRetry(id, photo)}>
              Try again
            </button>
          </div>
        )}
      </>
    )
  const judged = answer?.faces[face]
  if (!judged) return <p class="quiet">Scoring …</p>
  return (
    <>
      <h2>{answer.faces.length > 1 ? `Face ${face + 1} of ${answer.faces.length}` : 'The face'}</h2>
      <FacePanel judged={judgeFace(judged, trial)} trial={trial}>
        {answer.faces.length > 1 && (
          <p class="quiet">
            A route refuses this photo for its several faces, unless it was made with <code>faces: 'largest'</code> or{' '}
            <code>'all'</code>.
          </p>
        )}
      </FacePanel>
    </>
  )
}
