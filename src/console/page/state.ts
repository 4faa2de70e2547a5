import type { AssessAnswer, SettingsAnswer } from '../wire.ts'
import type { Problem } from './api.ts'

/** One photo on the page. */
export interface Item {
  readonly id: number
  readonly name: string
  /** Its bytes, as long as it is not judged and may be tried again. */
  readonly photo?: File | undefined
  /** Scaled down, upright; null for a format that the browser cannot show. */
  readonly picture?: ImageBitmap | null
  readonly answer?: AssessAnswer
  readonly problem?: Problem | undefined
}

export type Purpose = 'probe' | 'enrolment'

/** Thresholds under trial on the page; the gate's own stay as they are. */
export interface Trial {
  readonly purpose: Purpose
  readonly rejectBelow: number
  readonly acceptFrom: number
  readonly minWeight: number
}

export interface Selection {
  readonly id: number
  readonly face: number
}

export interface State {
  readonly items: readonly Item[]
  readonly selected: Selection | undefined
  readonly settings: SettingsAnswer | undefined
  readonly trial: Trial | undefined
  /** The page itself cannot work. */
  readonly failure: Problem | undefined
}

export type Action =
  | { readonly type: 'settings'; readonly settings: SettingsAnswer }
  | { readonly type: 'in-force'; readonly change: Pick<SettingsAnswer, 'policy' | 'thresholds'> }
  | { readonly type: 'failure'; readonly problem: Problem }
  | { readonly type: 'add'; readonly items: readonly Item[] }
  | { readonly type: 'change'; readonly id: number; readonly change: Partial<Item> }
  | { readonly type: 'select'; readonly selection: Selection }
  | { readonly type: 'trial'; readonly trial: Trial }
  | { readonly type: 'clear' }

export const EMPTY: State = {
  items: [],
  selected: undefined,
  settings: undefined,
  trial: undefined,
  failure: undefined,
}

export const trialOf = ({ thresholds }: Pick<SettingsAnswer, 'thresholds'>, purpose: Purpose): Trial => ({
  purpose,
  ...thresholds[purpose],
})

/** True while nothing was changed, so that the page follows the gate. */
export const isInForce = (trial: Trial, { thresholds }: Pick<SettingsAnswer, 'thresholds'>): boolean =>
  trial.rejectBelow === thresholds[trial.purpose].rejectBelow &&
  trial.acceptFrom === thresholds[trial.purpose].acceptFrom

export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case 'settings':
      return { ...state, settings: action.settings, trial: trialOf(action.settings, 'probe'), failure: undefined }
    case 'in-force': {
      const { settings, trial } = state
      if (!settings || !trial) return state
      const follows = isInForce(trial, settings)
      return {
        ...state,
        settings: { ...settings, ...action.change },
        trial: follows ? trialOf(action.change, trial.purpose) : trial,
      }
    }
    case 'failure':
      return { ...state, failure: action.problem }
    case 'add': {
      const [first] = action.items
      if (!first) return state
      return { ...state, items: [...state.items, ...action.items], selected: { id: first.id, face: 0 } }
    }
    case 'change':
      return {
        ...state,
        items: state.items.map((item) => (item.id === action.id ? { ...item, ...action.change } : item)),
      }
    case 'select':
      return { ...state, selected: action.selection }
    case 'trial':
      return { ...state, trial: action.trial }
    case 'clear':
      return { ...state, items: [], selected: undefined }
  }
}
