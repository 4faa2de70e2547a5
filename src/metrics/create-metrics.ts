import { Registry } from 'prom-client'
import { DiffiqaError } from '../errors.ts'
import { checkKeys, invalidOption } from '../gate/check-keys.ts'
import type { Gate } from '../gate/gate.ts'
import { scoreBounds } from './buckets.ts'
import { createFamilies, type Families } from './families.ts'
import { MatcherNames } from './matcher-names.ts'
import { type Observation, observeGate } from './observe-gate.ts'
import type { OpenTelemetry } from './open-telemetry.ts'

export interface MetricsOptions {
  /** Where the series go. @default a register of the gate's own, never the global one */
  readonly register?: Registry
  /** Begins every name; two gates on one register need two. @default 'diffiqa_' */
  readonly prefix?: string
  /** Value of the label `matcher`. @default the name of the guarded adapter; where there are none or several, verdicts have 'default' */
  readonly matcherName?: string
  /**
   * Values of a label `group` of verdicts and scores, 1 to 16 names; whatever else `faceQuality()`'s option `group` answers counts as
   * `other`. For comparing places or devices; never derive a group from the photo or the person. @default no such label
   */
  readonly groups?: readonly string[]
  /**
   * The namespace of `@opentelemetry/api`: durations get the active sampled trace as exemplar, and `metricsHandler()` speaks OpenMetrics to
   * those who ask for it (Prometheus does). @default no exemplars
   */
  readonly openTelemetry?: OpenTelemetry
}

export interface GateMetrics {
  readonly register: Registry
  /** Stop counting and take the series out of the register. */
  stop(): void
}

/** What a register knows about the series it holds; a second copy of this module finds it there. */
interface Registration {
  gate: Gate
  observation: Observation
  readonly metrics: GateMetrics
  /** False after the application cleared the register, or took series out of it. */
  readonly complete: boolean
  /** Go on counting in the same series for another gate. */
  follow(gate: Gate): void
}

/** Of every name, unless the application says otherwise. */
export const DEFAULT_PREFIX = 'diffiqa_'
const MAX_GROUPS = 16

const REGISTRATIONS = Symbol.for('express-diffiqa.metrics')
type MarkedRegistry = Registry & { [REGISTRATIONS]?: Map<string, Registration> }

const ownRegisters = new WeakMap<Gate, Registry>()

/**
 * Count what a gate does in series for Prometheus (docs/metrics.md). Asked again for the same gate, register and prefix it answers with
 * the metrics there are; a new gate takes over the series of one that was closed; in a register that was cleared it starts anew.
 * @throws DiffiqaError `metrics-conflict` when an open gate, or something else, uses the names already; `invalid-option`.
 */
export function createMetrics(gate: Gate, options: MetricsOptions = {}): GateMetrics {
  checkKeys('', options, ['register', 'prefix', 'matcherName', 'groups', 'openTelemetry'])
  const { prefix = DEFAULT_PREFIX, matcherName, groups, openTelemetry } = options
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(prefix))
    throw invalidOption('prefix', 'prefix must be the beginning of a metric name, such as "diffiqa_"')
  if (matcherName !== undefined && (typeof matcherName !== 'string' || !/^[\w.-]{1,64}$/.test(matcherName)))
    throw invalidOption('matcherName', 'matcherName must have 1 to 64 letters, digits, dots, dashes or underscores')
  if (groups !== undefined) checkGroups(groups)
  if (openTelemetry !== undefined && typeof openTelemetry?.trace?.getActiveSpan !== 'function')
    throw invalidOption('openTelemetry', 'openTelemetry must be the namespace of the package @opentelemetry/api')
  const register: MarkedRegistry = options.register ?? ownRegister(gate)
  register[REGISTRATIONS] ??= new Map()
  const known = register[REGISTRATIONS].get(prefix)
  if (!known?.complete) {
    known?.metrics.stop()
    const registration = registerSeries(gate, register, options)
    register[REGISTRATIONS].set(prefix, registration)
    return registration.metrics
  }
  if (known.gate !== gate) {
    if (known.gate.ready) throw conflict(prefix, 'Another gate that is open counts')
    known.follow(gate)
  }
  return known.metrics
}

function ownRegister(gate: Gate): Registry {
  const register = ownRegisters.get(gate) ?? new Registry()
  ownRegisters.set(gate, register)
  return register
}

function checkGroups(groups: readonly string[]): void {
  const usable = Array.isArray(groups) && groups.length >= 1 && groups.length <= MAX_GROUPS
  if (!usable || !groups.every((group) => typeof group === 'string' && /^[\w.-]{1,32}$/.test(group)))
    throw invalidOption(
      'groups',
      `groups must be 1 to ${MAX_GROUPS} names of 1 to 32 letters, digits, dots, dashes or underscores`,
    )
}

function registerSeries(gate: Gate, register: MarkedRegistry, options: MetricsOptions): Registration {
  const { prefix = DEFAULT_PREFIX, matcherName, openTelemetry } = options
  const observed = { names: new MatcherNames(matcherName), groups: options.groups, openTelemetry }
  const { probe, enrolment } = gate.thresholds
  const thresholds = [probe.rejectBelow, probe.acceptFrom, enrolment.rejectBelow, enrolment.acceptFrom]
  const before = new Set(register.getMetricsAsArray())
  const ours = () => register.getMetricsAsArray().filter((metric) => !before.has(metric))
  const remove = () => {
    for (const { name } of ours()) register.removeSingleMetric(name)
  }
  let families: Families
  try {
    families = createFamilies({
      register,
      prefix,
      grouped: options.groups !== undefined,
      scoreBounds: scoreBounds(thresholds),
      collect: () => registration.observation.collect(families),
    })
  } catch (cause) {
    remove()
    throw conflict(prefix, 'Something else than this package uses', cause)
  }
  const made = ours().map(({ name }) => [name, register.getSingleMetric(name)] as const)
  const registration: Registration = {
    gate,
    get complete() {
      return made.every(([name, metric]) => register.getSingleMetric(name) === metric)
    },
    observation: observeGate(gate, families, observed),
    follow: (next) => {
      registration.observation.stop()
      registration.gate = next
      registration.observation = observeGate(next, families, observed)
    },
    metrics: {
      register,
      stop: () => {
        registration.observation.stop()
        for (const [name, metric] of made)
          if (register.getSingleMetric(name) === metric) register.removeSingleMetric(name)
        register[REGISTRATIONS]?.delete(prefix)
      },
    },
  }
  return registration
}

function conflict(prefix: string, who: string, cause?: unknown): DiffiqaError {
  return new DiffiqaError(
    'metrics-conflict',
    `${who} the names that begin with "${prefix}" in this register; give each gate a prefix of its own, or a register of its own`,
    { cause, details: { option: 'prefix', prefix } },
  )
}
