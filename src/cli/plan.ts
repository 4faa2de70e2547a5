import { planFor } from '../capacity/plan.ts'
import { type CapacityProfile, readProfile } from '../capacity/profile.ts'
import { meanOf, scaledTo } from '../capacity/quantiles.ts'
import { EXIT } from './exit-codes.ts'
import { planText } from './format-plan.ts'
import { Output } from './output.ts'
import { type PlanOptions, parsePlanOptions, planHelp } from './plan-options.ts'

/**
 * `express-diffiqa plan`.
 * @returns the exit code
 * @throws UsageError; DiffiqaError `invalid-capacity`, `plan-impossible`
 */
export async function plan(args: readonly string[]): Promise<number> {
  const options = parsePlanOptions(args)
  const output = new Output(process.stdout)
  if (!options) {
    await output.write(planHelp())
    return EXIT.ok
  }
  const profile = withOwnFigures(await readProfile(options.profile), options)
  const found = planFor(options.goal, profile)
  const { measured } = profile
  await output.write(options.json ? `${JSON.stringify({ ...found, measured })}\n` : planText(found, profile))
  await output.flush()
  return EXIT.ok
}

function withOwnFigures(profile: CapacityProfile, { fastMs, fullMs, photoBytes }: PlanOptions): CapacityProfile {
  // Unsettled photos take longer than others by the same factor.
  const uncertainMs = fastMs && (fastMs * meanOf(profile.uncertainMs)) / meanOf(profile.certainMs)
  return {
    ...profile,
    ...(fastMs && { certainMs: scaledTo(profile.certainMs, fastMs) }),
    ...(uncertainMs && { uncertainMs: scaledTo(profile.uncertainMs, uncertainMs) }),
    ...(fullMs && { fullMs: scaledTo(profile.fullMs, fullMs) }),
    ...(photoBytes && { photoBytes }),
  }
}
