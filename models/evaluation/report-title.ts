export interface RunFacts {
  readonly date: string
  readonly machine: string
  readonly modelVersion: string
  readonly rounds: number
  readonly seed: string
  readonly minutes: number
  readonly people: number
  readonly parts: readonly string[]
  /** SHA-256 by network. */
  readonly files: Readonly<Record<string, string>>
}

/** What a reader needs to repeat the run. */
export function factsLine({ date, machine, modelVersion, rounds, seed, minutes, parts, files }: RunFacts): string {
  const hashes = Object.entries(files).map(([name, sha256]) => `${name} ${sha256.slice(0, 8)}`)
  return (
    `\`npm run evaluate\` (${parts.join(', ')}), ${date}, ${machine}, ${minutes} minutes. Model version ${modelVersion}; networks: ${hashes.join(', ')}. ` +
    `${rounds} bootstrap rounds, seed ${seed}.`
  )
}

export function reportTitle(facts: RunFacts): string {
  return [
    '# Evaluation\n',
    `${factsLine(facts)}\n`,
    Number.isFinite(facts.people)
      ? `**A try on the first ${facts.people} people of each set: the numbers mean nothing.**\n`
      : '',
  ]
    .filter((part) => part !== '')
    .join('\n')
}
