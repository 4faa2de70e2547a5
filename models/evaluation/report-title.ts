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
export function reportTitle({
  date,
  machine,
  modelVersion,
  rounds,
  seed,
  minutes,
  people,
  parts,
  files,
}: RunFacts): string {
  const hashes = Object.entries(files).map(([name, sha256]) => `${name} ${sha256.slice(0, 8)}`)
  return [
    '# Evaluation\n',
    `\`npm run evaluate\` (${parts.join(', ')}), ${date}, ${machine}, ${minutes} minutes. Model version ${modelVersion}; networks: ${hashes.join(', ')}. ` +
      `${rounds} bootstrap rounds, seed ${seed}.\n`,
    Number.isFinite(people) ? `**A try on the first ${people} people of each set: the numbers mean nothing.**\n` : '',
  ]
    .filter((part) => part !== '')
    .join('\n')
}
