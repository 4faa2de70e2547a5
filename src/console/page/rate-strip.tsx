import { useEffect, useState } from 'preact/hooks'
import type { RateAnswer, RateBucket } from '../wire.ts'
import { ApiError, getRate } from './api.ts'

const EVERY_MS = 2000
const HEIGHT = 32

const total = ({ accept, downWeight, reject }: RateBucket): number => accept + downWeight + reject

/** The service's own requests of the last ten minutes, and the share that was refused; trials on this page are not among them. */
export function RateStrip({ onRate }: { onRate: (rate: RateAnswer) => void }) {
  const [rate, setRate] = useState<RateAnswer>()

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>
    let gone = false
    const ask = async (): Promise<void> => {
      try {
        if (!document.hidden) {
          const answer = await getRate()
          if (gone) return
          setRate(answer)
          onRate(answer)
        }
      } catch (error) {
        if (!(error instanceof ApiError)) throw error
        setRate(undefined)
      }
      if (!gone) timer = setTimeout(ask, EVERY_MS)
    }
    void ask()
    return () => {
      gone = true
      clearTimeout(timer)
    }
  }, [onRate])

  const buckets = rate?.buckets ?? []
  const requests = buckets.reduce((sum, bucket) => sum + total(bucket), 0)
  const rejected = buckets.reduce((sum, bucket) => sum + bucket.reject, 0)
  const tallest = Math.max(1, ...buckets.map(total))
  const text = !rate
    ? 'no connection'
    : requests === 0
      ? 'no requests in ten minutes'
      : `${Math.round((100 * rejected) / requests)} % of ${requests} refused`
  return (
    <div class="rate">
      <p>
        <span class="quiet">Service, last 10 min</span>
        <strong>{text}</strong>
      </p>
      <svg viewBox={`0 0 ${buckets.length || 1} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {buckets.map((bucket, i) => {
          const unit = HEIGHT / tallest
          const accepted = bucket.accept * unit
          const weighed = bucket.downWeight * unit
          const refused = bucket.reject * unit
          return (
            <g key={i}>
              <rect class="is-accept" x={i} width={0.8} y={HEIGHT - accepted} height={accepted} />
              <rect class="is-down-weight" x={i} width={0.8} y={HEIGHT - accepted - weighed} height={weighed} />
              <rect class="is-reject" x={i} width={0.8} y={HEIGHT - accepted - weighed - refused} height={refused} />
            </g>
          )
        })}
      </svg>
    </div>
  )
}
