import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { unknownIn } from '../monitoring/exported.ts'
import { partsOf } from '../monitoring/promql.ts'
import { adapterRule, FOLDER, manifest, RESOURCES } from './manifests.ts'

const [deployment, service, hpa, pdb, podMonitor] = RESOURCES.map(manifest)
const pod = deployment.spec.template
const [container] = pod.spec.containers
const packageJson = JSON.parse(readFileSync('package.json', 'utf8'))

describe('deploy/kubernetes', () => {
  it('is listed whole by its kustomization', () => {
    expect(manifest('kustomization').resources).toEqual(RESOURCES.map((name) => `${name}.yaml`))
    const others = ['kustomization.yaml', 'prometheus-adapter-values.yaml']
    expect(readdirSync(FOLDER).toSorted()).toEqual([...RESOURCES.map((name) => `${name}.yaml`), ...others].toSorted())
  })

  it('selects the pods of the deployment, whichever manifest does', () => {
    const { labels } = pod.metadata
    for (const selector of [
      deployment.spec.selector.matchLabels,
      service.spec.selector,
      pdb.spec.selector.matchLabels,
      podMonitor.spec.selector.matchLabels,
      pod.spec.topologySpreadConstraints[0].labelSelector.matchLabels,
    ])
      expect(labels).toMatchObject(selector)
    const { apiVersion, kind, metadata } = deployment
    expect(hpa.spec.scaleTargetRef).toEqual({ apiVersion, kind, name: metadata.name })
    // The autoscaler's number must not be set back by each `kubectl apply`.
    expect(deployment.spec).not.toHaveProperty('replicas')
  })

  it('asks at ports and addresses that the service has; metrics are not behind the service', () => {
    const ports = new Map(
      container.ports.map((port: { name: string; containerPort: number }) => [port.name, port.containerPort]),
    )
    expect(ports).toEqual(
      new Map([
        ['http', 3000],
        ['ops', 3001],
      ]),
    )
    expect(service.spec.ports.map((port: { targetPort: string }) => port.targetPort)).toEqual(['http'])
    const { startupProbe, readinessProbe, livenessProbe } = container
    expect([startupProbe, readinessProbe, livenessProbe].map(({ httpGet }) => httpGet)).toEqual([
      { path: '/ready', port: 'ops' },
      { path: '/ready', port: 'ops' },
      { path: '/live', port: 'ops' },
    ])
    expect(podMonitor.spec.podMetricsEndpoints).toMatchObject([{ port: 'ops', path: '/metrics' }])
    const settings = readFileSync('examples/production-server/settings.js', 'utf8')
    expect(settings).toContain("PORT = '3000', OPS_PORT = '3001', HOST = '0.0.0.0'")
  })

  it('sets what docs/deployment.md tells, where everything is told that the example reads', () => {
    const [, table = ''] = /\| variable \|(.*?)\n\n/s.exec(readFileSync('docs/deployment.md', 'utf8')) ?? []
    const told = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name)
    const code = ['settings', 'cluster'].map((name) => readFileSync(`examples/production-server/${name}.js`, 'utf8'))
    const [, settings = ''] = /const \{(.*)\} = process\.env/.exec(code[0] ?? '') ?? []
    const read = [...settings.matchAll(/\b[A-Z][A-Z_]+\b/g), ...(code[1] ?? '').matchAll(/(?<=env\.)[A-Z_]+/g)]
    expect(told.toSorted()).toEqual(read.map(([name]) => name).toSorted())
    for (const { name } of container.env) expect(told).toContain(name)
  })

  it('leaves time for an end in good order', () => {
    const env = new Map(container.env.map(({ name, value }: { name: string; value: string }) => [name, value]))
    const settle = Number(env.get('SETTLE_MS')) / 1000
    const [, drain] = /drainMs = (\d+)_000/.exec(readFileSync('examples/production-server/server.js', 'utf8')) ?? []
    // Of gate.close().
    const workers = 10
    expect(pod.spec.terminationGracePeriodSeconds).toBeGreaterThan(settle + Number(drain) + workers)
    // Every node has to hear that the pod is not ready before it stops to listen.
    const { periodSeconds, failureThreshold } = container.readinessProbe
    expect(settle).toBeGreaterThanOrEqual(2 * periodSeconds * failureThreshold)
    expect(Number(env.get('WORKERS'))).toBe(Number(container.resources.requests.cpu))
  })

  it('runs this release, without rights', () => {
    expect(container.image).toBe(`registry.example.com/express-diffiqa:${packageJson.version}`)
    expect(pod.spec.securityContext.runAsNonRoot).toBe(true)
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(readFileSync('deploy/Dockerfile', 'utf8')).toContain(`\nUSER ${pod.spec.securityContext.runAsUser}\n`)
  })

  it('scales by a metric that the adapter has, made of series that the code exports', () => {
    const { name, query, series } = adapterRule()
    const [{ type, pods }] = hpa.spec.metrics
    expect([type, pods.metric.name]).toEqual(['Pods', name])
    const { selectors, grouping } = partsOf(query)
    expect(grouping).toEqual(['pod', 'pod'])
    for (const selector of [...selectors, ...partsOf(series).selectors]) {
      const own = selector.matchers.filter(([label]) => !['namespace', 'pod'].includes(label))
      expect(unknownIn({ ...selector, matchers: own })).toEqual([])
    }
  })

  it('gives its series the job that the rules expect', () => {
    const job = pod.metadata.labels[podMonitor.spec.jobLabel]
    const rules = readFileSync('monitoring/prometheus/rules.yml', 'utf8')
    expect(rules).toContain(`job="${job}"`)
  })
})

describe('deploy/Dockerfile', () => {
  it('installs an express that the package takes, and starts a file that there is', () => {
    const { dependencies } = JSON.parse(readFileSync('deploy/package.json', 'utf8'))
    expect(dependencies.express).toBe(packageJson.devDependencies.express)
    expect(readdirSync('examples/production-server')).toContain('main.js')
    expect(readFileSync('deploy/Dockerfile', 'utf8')).toMatch(/^CMD \["node", "main\.js"\]$/m)
  })

  it('takes from the repository what npm packs', () => {
    const copied = readFileSync('deploy/Dockerfile', 'utf8')
    for (const entry of packageJson.files as string[]) {
      const [top] = entry.split('/')
      if (top !== 'dist') expect(copied).toMatch(new RegExp(`^COPY .*\\b${top}\\b`, 'm'))
    }
    expect(packageJson.scripts.prepack).toContain('build')
  })
})
