import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, posix, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

// There is no Docker where the tests run: what can be held against the repository's own files is.

interface Service {
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes: readonly string[]
  readonly ports: readonly string[]
}

const load = (name: string) => parse(readFileSync(join('monitoring', name), 'utf8'))
const { gate, prometheus, grafana }: Record<'gate' | 'prometheus' | 'grafana', Service> = load('compose.yaml').services

/** The file of this repository that a container sees at a path. */
function seen({ volumes }: Service, path: string): string | undefined {
  const mounts = volumes.map((volume) => volume.split(':'))
  const within = mounts.filter(([, inside = '']) => !posix.relative(inside, path).startsWith('..'))
  const [mount] = within.toSorted(([, a = ''], [, b = '']) => b.length - a.length)
  return mount && resolve('monitoring', mount[0] as string, posix.relative(mount[1] as string, path))
}

describe('compose.yaml', () => {
  it('opens ports to this machine only, and writes nothing into the clone', () => {
    for (const { volumes, ports } of [gate, prometheus, grafana]) {
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
      for (const volume of volumes) expect(volume).toMatch(/:ro$/)
    }
  })

  it("has Prometheus scrape the example server, by the configuration's own job, with the repository's rules", () => {
    const [config] = (prometheus.command ?? []).filter((argument) => argument.startsWith('--config.file='))
    const file = seen(prometheus, config?.replace('--config.file=', '') ?? '')
    const used = parse(readFileSync(file ?? '', 'utf8'))
    const [, inside] = /:(\d+)$/.exec(gate.ports[0] ?? '') ?? []
    expect(used.scrape_configs[0].static_configs).toEqual([{ targets: [`gate:${inside}`] }])
    const usual = load('prometheus/prometheus.yml')
    usual.scrape_configs[0].static_configs = used.scrape_configs[0].static_configs
    expect(used).toEqual(usual)
    for (const rules of used.rule_files) expect(existsSync(resolve(file ?? '', '..', rules))).toBe(true)
  })

  it("has Grafana read that Prometheus and the repository's dashboards, one of them at home", () => {
    const provisioning = (name: string) => {
      const folder = seen(grafana, `/etc/grafana/provisioning/${name}`) ?? ''
      return readdirSync(folder).map((file) => parse(readFileSync(join(folder, file), 'utf8')))
    }
    const [source] = provisioning('datasources')[0].datasources
    expect([source.type, source.url, source.isDefault]).toEqual(['prometheus', 'http://prometheus:9090', true])
    const [provider] = provisioning('dashboards')[0].providers
    expect(seen(grafana, provider.options.path)).toBe(resolve('monitoring/grafana'))
    const home = grafana.environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH ?? ''
    expect(JSON.parse(readFileSync(seen(grafana, home) ?? '', 'utf8')).uid).toBe('express-diffiqa')
  })

  it('copies the clone and starts what is there', () => {
    const [shell, , script = ''] = gate.command ?? []
    expect(shell).toBe('sh')
    const [copy = ''] = script.split('\n')
    const folder = mkdtempSync(join(tmpdir(), 'diffiqa-compose-'))
    try {
      execFileSync('sh', ['-ec', copy.replace('/clone', resolve('.'))], { cwd: folder })
      expect(existsSync(join(folder, 'package-lock.json'))).toBe(true)
      expect(['node_modules', 'dist', '.git', '.cache'].filter((name) => existsSync(join(folder, name)))).toEqual([])
      const [, started = ''] = /exec node (\S+)/.exec(script) ?? []
      expect(existsSync(join(folder, started))).toBe(true)
    } finally {
      rmSync(folder, { recursive: true })
    }
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
    for (const [, name = ''] of script.matchAll(/npm run (\S+)/g)) expect(scripts).toHaveProperty(name)
  })
})
