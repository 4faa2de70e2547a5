import type { SettingsAnswer } from '../wire.ts'
import { DotPlot } from './dot-plot.tsx'
import type { Row } from './rows.ts'
import { isInForce, type Purpose, type Trial, trialOf } from './state.ts'
import { fixed } from './words.ts'

export interface ThresholdsProps {
  readonly settings: SettingsAnswer
  readonly trial: Trial
  readonly rows: readonly Row[]
  readonly onTrial: (trial: Trial) => void
}

const share = (part: number, whole: number): string => (whole === 0 ? '' : ` (${Math.round((100 * part) / whole)} %)`)

const round = (value: number): number => Math.round(value * 100) / 100

interface SliderProps {
  readonly kind: 'reject' | 'accept'
  readonly label: string
  readonly value: number
  readonly onValue: (value: number) => void
}

function Slider({ kind, label, value, onValue }: SliderProps) {
  return (
    <label class={`slider is-${kind}`}>
      <span>
        {label} <strong>{fixed(value)}</strong>
      </span>
      <input
        type="range"
        min={0}
        max={1}
        step={0.01}
        value={value}
        onInput={(event) => onValue(round(event.currentTarget.valueAsNumber))}
      />
    </label>
  )
}

/** Try other thresholds on what is on the page; nothing of it reaches the gate. */
export function Thresholds({ settings, trial, rows, onTrial }: ThresholdsProps) {
  const { rejectBelow, acceptFrom, purpose } = trial
  const inForce = isInForce(trial, settings)
  const faces = rows.filter(({ judged }) => judged)
  const count = (outcome: Row['outcome']): number => rows.filter((row) => row.outcome === outcome).length
  const refused = count('reject')
  const without = count('refused')

  const setPurpose = (next: Purpose): void => onTrial(trialOf(settings, next))
  const setReject = (value: number): void =>
    onTrial({ ...trial, rejectBelow: value, acceptFrom: Math.max(value, acceptFrom) })
  const setAccept = (value: number): void =>
    onTrial({ ...trial, acceptFrom: value, rejectBelow: Math.min(value, rejectBelow) })
  const policies = Object.keys(settings.policies) as (keyof SettingsAnswer['policies'])[]

  return (
    <section class="panel thresholds" aria-labelledby="thresholds-title">
      <div class="panel-head">
        <h2 id="thresholds-title">Thresholds</h2>
        <fieldset class="segments">
          <legend class="hidden">Purpose</legend>
          {(['probe', 'enrolment'] as const).map((one) => (
            <button type="button" key={one} aria-pressed={purpose === one} onClick={() => setPurpose(one)}>
              {one === 'probe' ? 'Probe' : 'Enrolment'}
            </button>
          ))}
        </fieldset>
      </div>
      <output class="summary" aria-live="polite">
        <strong>{refused}</strong> of {faces.length} {faces.length === 1 ? 'face' : 'faces'} would be refused
        {share(refused, faces.length)}, <strong>{count('down-weight')}</strong> weighed down
        {without > 0 && `; ${without} ${without === 1 ? 'file' : 'files'} not usable`}.
      </output>
      <div class="plot">
        <DotPlot rows={rows} trial={trial} />
        <Slider kind="reject" label="Refuse below" value={rejectBelow} onValue={setReject} />
        <Slider kind="accept" label="Accept from" value={acceptFrom} onValue={setAccept} />
      </div>
      <div class="actions">
        <button type="button" class="button" disabled={inForce} onClick={() => setPurpose(purpose)}>
          As in force
        </button>
        {policies.map((name) => (
          <button
            type="button"
            key={name}
            class="button is-plain"
            onClick={() => onTrial({ purpose, ...settings.policies[name][purpose] })}
          >
            {name}
          </button>
        ))}
      </div>
      <p class="quiet">
        {inForce
          ? 'These are the thresholds in force. Moving them judges the faces on this page again and changes nothing on the server.'
          : 'Only this page is judged by these. To put them in force:'}
      </p>
      {!inForce && (
        <pre class="code">
          <code>{`gate.update({ thresholds: { ${purpose}: { rejectBelow: ${fixed(rejectBelow)}, acceptFrom: ${fixed(acceptFrom)} } } })`}</code>
        </pre>
      )}
    </section>
  )
}
