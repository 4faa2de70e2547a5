import type { Registry } from 'prom-client'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Samples of a scrape in the text format. */
export function samplesOf(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => {
    const [, name, labels = '', value] = /^([\w:]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw new Error(`not a sample: ${line}`)
    const pairs = [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key as string, text as string])
    return {
      name,
      labels: Object.fromEntries(pairs),
      value: value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value),
    }
  })
}

export const scrape = async (register: Registry): Promise<Sample[]> => samplesOf(await register.metrics())

/** Sum of the samples of this name whose labels have these values. */
export function sum(samples: readonly Sample[], name: string, labels: Readonly<Record<string, string>> = {}): number {
  return samples
    .filter(
      (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
    )
    .reduce((total, { value }) => total + value, 0)
}

/** Name and labels, without the value. */
export const seriesOf = (samples: readonly Sample[]): string[] =>
  samples.map(({ name, labels }) => `${name} ${JSON.stringify(labels)}`).sort()

/** Family of a sample: the name without a histogram's suffixes. */
export const familyOf = (name: string): string => name.replace(/_(bucket|sum|count)$/, '')
