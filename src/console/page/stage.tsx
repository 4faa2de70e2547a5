import type { AssessAnswer } from '../wire.ts'
import { Badge } from './badge.tsx'
import { Picture } from './canvas.tsx'
import { ReasonList } from './face-panel.tsx'
import { isRefusal, judgeFace } from './rows.ts'
import type { Item, Trial } from './state.ts'
import { fixed, OUTCOME } from './words.ts'

const share = (part: number, whole: number): string => `${(100 * part) / whole}%`

export interface FaceBoxesProps {
  readonly answer: AssessAnswer
  readonly trial: Trial
  readonly selected: number
  readonly onSelect: (face: number) => void
}

/** The faces' boxes over a picture that fills its parent; buttons, so that a face can be chosen with the keyboard too. */
export function FaceBoxes({ answer, trial, selected, onSelect }: FaceBoxesProps) {
  const { width, height } = answer.photo
  const place = ({ box }: { box: AssessAnswer['bystanders'][number] }) => ({
    left: share(box.x, width),
    top: share(box.y, height),
    width: share(box.width, width),
    height: share(box.height, height),
  })
  return (
    <>
      {answer.bystanders.map((box) => (
        <i
          key={`${box.x} ${box.y}`}
          class="face-box is-bystander"
          style={place({ box })}
          title="Too small to be judged"
        />
      ))}
      {answer.faces.map((face, index) => {
        const { decision } = judgeFace(face, trial)
        return (
          <button
            type="button"
            key={`${face.box.x} ${face.box.y}`}
            class={`face-box is-${decision}`}
            style={place(face)}
            aria-pressed={index === selected}
            aria-label={`Face ${index + 1}: ${OUTCOME[decision].word}, score ${fixed(face.score.value)}`}
            onClick={() => onSelect(index)}
          >
            <span class="face-tag" aria-hidden="true">
              {OUTCOME[decision].sign} {fixed(face.score.value)}
            </span>
          </button>
        )
      })}
    </>
  )
}

/** The chosen photo, large. */
export function Stage({
  item,
  face,
  trial,
  onSelect,
}: {
  item: Item
  face: number
  trial: Trial
  onSelect: (face: number) => void
}) {
  const { picture, answer, problem, name } = item
  return (
    <figure class="stage">
      <div class="frame">
        {picture ? (
          <Picture bitmap={picture} label={`Photo ${name}`} />
        ) : (
          <p class="no-picture">{picture === null ? 'The browser cannot show this file.' : 'Opening …'}</p>
        )}
        {picture && answer && <FaceBoxes answer={answer} trial={trial} selected={face} onSelect={onSelect} />}
      </div>
      <figcaption>
        <span class="name">{name}</span>
        {answer && (
          <span class="quiet">
            {answer.photo.width} × {answer.photo.height} {answer.photo.format.toUpperCase()}
            {answer.faces.length > 1 && ` · ${answer.faces.length} faces`}
          </span>
        )}
        {!answer && !problem && <span class="quiet">Scoring …</span>}
      </figcaption>
    </figure>
  )
}

/** Why there is no verdict. */
export function ProblemPanel({ problem }: { problem: NonNullable<Item['problem']> }) {
  const refused = isRefusal(problem)
  return (
    <div role="alert">
      <div class="verdict">
        <Badge outcome={refused ? 'refused' : 'failed'} />
      </div>
      <p class="problem-title">{problem.title}</p>
      {problem.detail !== problem.title && <p class="quiet">{problem.detail}</p>}
      <ReasonList reasons={problem.reasons ?? []} />
      <p class="quiet">
        <code>{problem.code}</code>
        {problem.status > 0 && ` · HTTP ${problem.status}`}
      </p>
    </div>
  )
}
