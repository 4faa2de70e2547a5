import type { Estimate } from '../../src/evaluation/bootstrap.ts'

export const three = (value: number): string => (Number.isFinite(value) ? value.toFixed(3) : '-')

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

export const interval = ({ value, low, high }: Estimate): string => `${three(value)} (${three(low)} to ${three(high)})`
