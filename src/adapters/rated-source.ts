/** `source` of a service that judges photos itself: its own answer, untouched, with its judgement beside it. */
export interface RatedSource<Answer, Quality> {
  readonly answer: Answer
  /** What the service itself says about the photo's quality; undefined where it says nothing. Never changes a score. */
  readonly matcherQuality: Quality | undefined
}
