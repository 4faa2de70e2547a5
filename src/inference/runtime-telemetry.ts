/** Read by onnxruntime's library when its first session is made, from the environment of the process. */
const VARIABLE = 'ORT_DISABLE_TELEMETRY'

/** What onnxruntime 1.30 takes for "yes, disable it"; everything else, "no" and "off" among it, leaves telemetry on. */
const DISABLING = new Set(['1', 'true', 'yes', 'y', 'on'])

/**
 * Keeps onnxruntime (1.29 and later, not on Windows) from its telemetry, which writes an identifier of the device below `~/.cache`,
 * sends what a process does with its models to Microsoft, and ends the process with a segmentation fault where the command line is
 * longer than some 30 kB. A variable that is set already stays: whoever wants telemetry says `ORT_DISABLE_TELEMETRY=0`.
 *
 * Works in the main thread, before its first session and before it starts worker threads: a thread's `process.env` is a copy.
 */
export function silenceRuntime(): void {
  process.env[VARIABLE] ??= '1'
}

/** Whether the environment switches telemetry off. */
export function telemetryDisabled(): boolean {
  return DISABLING.has((process.env[VARIABLE] ?? '').trim().toLowerCase())
}
