import type { AuditAction } from './audit-record.ts'

interface ActionText {
  /** Over the number of people. */
  readonly people: string
  /** Over the list of photos. */
  readonly title: string
  readonly what: string
}

/** What each action means, in plain words; trusted text without anything to escape. */
export const ACTION_TEXTS: Readonly<Record<AuditAction, ActionText>> = {
  're-enrol': {
    people: 'People to re-enrol',
    title: 'Enrol again',
    what: 'No photo of these people is good enough to be enrolled. Take a new one.',
  },
  remove: {
    people: 'With photos to remove',
    title: 'Remove',
    what: 'There is a better photo of the same person. These only do harm: a bad photo matches strangers.',
  },
  improve: {
    people: 'People to improve',
    title: 'Improve when there is a chance',
    what: 'Usable, but scores against these photos are drawn down. A better photo makes recognition surer.',
  },
  unknown: {
    people: 'Not judged',
    title: 'Not judged',
    what: 'These photos could not be looked at.',
  },
  keep: { people: 'People who are fine', title: 'Keep', what: 'Good enough.' },
}
