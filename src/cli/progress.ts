import type { WriteStream } from 'node:tty'

const BAR = 24
const REDRAW_MS = 80

/** How far the work is; draws only on a terminal. */
export interface Progress {
  /** One more file is done. */
  advance(): void
  /** The number of files, once it is known. */
  setTotal(total: number): void
  /** Take the bar away, for another line to be written. It comes back with the next `advance()`. */
  clear(): void
}

/** The bar as text: `[########----] 12/34 files 5.1/s`, without the bar while the total is unknown. */
export function progressText(done: number, total: number | undefined, seconds: number): string {
  const rate = seconds > 0 ? ` ${(done / seconds).toFixed(1)}/s` : ''
  if (!total) return `${done} files${rate}`
  const filled = Math.round((BAR * Math.min(done, total)) / total)
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR - filled)}] ${done}/${total} files${rate}`
}

/** A progress bar on `stream`; silent when it is not a terminal. */
export function createProgress(stream: Pick<WriteStream, 'write'> & { readonly isTTY?: boolean }): Progress {
  if (!stream.isTTY) return { advance() {}, setTotal() {}, clear() {} }
  const start = performance.now()
  let done = 0
  let total: number | undefined
  let drawnAt = Number.NEGATIVE_INFINITY
  let visible = false
  return {
    advance() {
      done++
      const now = performance.now()
      if (now - drawnAt < REDRAW_MS) return
      drawnAt = now
      visible = true
      stream.write(`\r\u001b[2K${progressText(done, total, (now - start) / 1000)}`)
    },
    setTotal(value) {
      total = value
    },
    clear() {
      if (visible) stream.write('\r\u001b[2K')
      visible = false
      drawnAt = Number.NEGATIVE_INFINITY
    },
  }
}
