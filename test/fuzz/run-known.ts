/** `npm run fuzz:known`: what each file of known-harm.ts costs today, as a table. */
import { KNOWN_HARM } from './known-harm.ts'
import { Trial } from './trial.ts'

const trial = await Trial.open()
process.stdout.write('| file | bytes | answer | time of processors | worker held |\n| --- | --- | --- | --- | --- |\n')
for (const [name, make] of Object.entries(KNOWN_HARM)) {
  const bytes = await make()
  const { code, cpuMs, heldMs } = await trial.run(bytes)
  process.stdout.write(
    `| ${name} | ${bytes.length} | \`${code}\` | ${Math.round(cpuMs)} ms | ${Math.round(heldMs)} ms |\n`,
  )
}
await trial.close()
