import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { endProcess } from './end-process.ts'
import { freePort } from './free-port.ts'
import { program } from './program.ts'

const CONFIGURATION = new URL('../../monitoring/prometheus/', import.meta.url)
/** What the configuration says, and what a test has no time for. */
const INTERVAL = /_interval: 15s/g

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  /** Of an instant query. */
  readonly value?: readonly [number, string]
  /** Of a range query. */
  readonly values?: readonly (readonly [number, string])[]
}

export interface Exemplar {
  readonly labels: Readonly<Record<string, string>>
  readonly value: string
}

export interface RuleState {
  readonly name: string
  readonly health: string
  readonly lastError?: string
  readonly type: 'recording' | 'alerting'
}

/** A real Prometheus with the repository's configuration and rules, which scrapes one server every second. */
export class PrometheusServer implements AsyncDisposable {
  readonly url: string
  readonly #home: string
  readonly #process: ChildProcess

  private constructor(home: string, port: number) {
    this.#home = home
    this.url = `http://127.0.0.1:${port}`
    this.#process = spawn(
      program('prometheus', 'prometheus'),
      [
        `--config.file=${join(home, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(home, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--enable-feature=exemplar-storage',
        '--log.level=error',
      ],
      { stdio: ['ignore', 'ignore', 'inherit'] },
    )
  }

  /** @param target Host and port that is scraped instead of the configured one. */
  static async open(target: string): Promise<PrometheusServer> {
    const home = mkdtempSync(join(tmpdir(), 'diffiqa-prometheus-'))
    const configured = readFileSync(new URL('prometheus.yml', CONFIGURATION), 'utf8')
    writeFileSync(
      join(home, 'prometheus.yml'),
      configured.replaceAll(INTERVAL, '_interval: 1s').replace('localhost:3000', target),
    )
    copyFileSync(new URL('rules.yml', CONFIGURATION), join(home, 'rules.yml'))
    const server = new PrometheusServer(home, await freePort())
    try {
      await server.#ready()
      return server
    } catch (error) {
      await server[Symbol.asyncDispose]()
      throw error
    }
  }

  /** The value of an expression now. */
  query(expression: string): Promise<Series[]> {
    return this.#get('query', { query: expression })
  }

  /** Its values at these instants, in seconds and equally far from one another. */
  range(expression: string, times: readonly number[]): Promise<Series[]> {
    const [start = 0, second = start + 1] = times
    return this.#get('query_range', {
      query: expression,
      start: String(start),
      end: String(times.at(-1) ?? start),
      step: String(second - start),
    })
  }

  /** The exemplars that it kept in the last ten minutes, of all series that the expression names. */
  async exemplars(expression: string): Promise<Exemplar[]> {
    const end = Date.now() / 1000
    const found = await this.#api<{ seriesLabels: Record<string, string>; exemplars: Exemplar[] }[]>(
      'query_exemplars',
      {
        query: expression,
        start: String(end - 600),
        end: String(end + 60),
      },
    )
    return found.flatMap(({ exemplars }) => exemplars)
  }

  async rules(): Promise<RuleState[]> {
    const { groups } = await this.#api<{ groups: { rules: RuleState[] }[] }>('rules', {})
    return groups.flatMap(({ rules }) => rules)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endProcess(this.#process, 'SIGTERM')
    rmSync(this.#home, { recursive: true, force: true })
  }

  async #get(path: string, search: Record<string, string>): Promise<Series[]> {
    return (await this.#api<{ result: Series[] }>(path, search)).result
  }

  async #api<T>(path: string, search: Record<string, string>): Promise<T> {
    const response = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(search)}`)
    const { status, error, data } = await response.json()
    if (status !== 'success') throw new Error(`${error}: ${search.query}`)
    return data
  }

  async #ready(): Promise<void> {
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error('Prometheus did not start')
      const answer = await fetch(`${this.url}/-/ready`).catch(() => undefined)
      if (answer?.ok) return
      await sleep(50)
    }
  }
}
