import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { adapterRule, FOLDER, manifest, RESOURCES, textOf } from '../deploy/manifests.ts'
import { exported } from './model-server.ts'
import { program } from './program.ts'

let home: string
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'diffiqa-deploy-'))
})
afterAll(() => rmSync(home, { recursive: true }))

/** Exit code and everything that was printed. */
async function run(file: string, args: readonly string[]): Promise<{ code: number; output: string }> {
  try {
    const { stdout, stderr } = await promisify(execFile)(file, [...args])
    return { code: 0, output: stdout + stderr }
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string }
    return { code, output: stdout + stderr }
  }
}

function written(name: string, text: string): string {
  const file = join(home, name)
  writeFileSync(file, text)
  return file
}

describe("Kubernetes' own schemas", () => {
  const OWN = RESOURCES.filter((name) => name !== 'podmonitor')
  const validate = (version: string, files: readonly string[]) =>
    run(program('kubernetes-validate', 'deployment'), ['-k', version, '--strict', ...files])

  // The first that has every field, and the newest that the validator knows.
  it.each(['1.27', '1.37'])('of version %s take every manifest', async (version) => {
    const { code, output } = await validate(
      version,
      OWN.map((name) => fileURLToPath(new URL(`${name}.yaml`, FOLDER))),
    )
    expect(output.match(/passed for resource/g)).toHaveLength(OWN.length)
    expect([code, output]).toEqual([0, expect.not.stringMatching(/WARN|ERROR/)])
  })

  it.each([
    ['deployment', 'livenessProbe', 'livelinessProbe'],
    ['service', 'targetPort', 'targetport'],
    ['hpa', 'averageValue', 'average'],
    ['pdb', 'maxUnavailable: 1', 'maxUnavailable: [1]'],
  ])('would notice a mistake in %s', async (name, right, wrong) => {
    expect(textOf(`${name}.yaml`)).toContain(right)
    const { code, output } = await validate('1.37', [
      written(`${name}.yaml`, textOf(`${name}.yaml`).replaceAll(right, wrong)),
    ])
    expect([code, output]).toEqual([1, expect.stringContaining('did not validate')])
  })
})

/** Prints the manifest as Prometheus Operator's types read it: what they do not know is lost. */
const READ_POD_MONITOR = `
import json, sys, yaml
from cloudcoil.models.prometheus_operator.v1 import PodMonitor
monitor = PodMonitor.model_validate(yaml.safe_load(open(sys.argv[1])))
print(json.dumps(monitor.model_dump(by_alias=True, exclude_none=True, mode="json")))
`

describe("Prometheus Operator's types", () => {
  const read = (file: string) => run(program('deployment-python', 'deployment'), ['-c', READ_POD_MONITOR, file])

  it('take the PodMonitor and lose nothing of it', async () => {
    const { code, output } = await read(fileURLToPath(new URL('podmonitor.yaml', FOLDER)))
    expect([code, JSON.parse(output)]).toEqual([0, manifest('podmonitor')])
  })

  it('would notice a mistake in it', async () => {
    const lost = await read(written('lost.yaml', textOf('podmonitor.yaml').replace('jobLabel', 'joblabel')))
    expect(JSON.parse(lost.output).spec).not.toHaveProperty('joblabel')
    const wrong = await read(written('wrong.yaml', textOf('podmonitor.yaml').replace('15s', '15 seconds')))
    expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining('podMetricsEndpoints.0.interval')])
  })
})

describe('hadolint', () => {
  const lint = (file: string) => run(program('hadolint', 'deployment'), ['--no-color', file])

  it('finds nothing in the Dockerfile', async () => {
    expect(await lint('deploy/Dockerfile')).toEqual({ code: 0, output: '' })
    const wrong = written('Dockerfile', 'FROM node\nRUN cd /srv && sudo npm install\n')
    expect(await lint(wrong)).toMatchObject({ code: 1, output: expect.stringContaining('DL3004') })
  })

  it('finds nothing in the Dockerfile of exported models', async () => {
    const folder = await exported('kserve')
    try {
      expect(await lint(join(folder, 'Dockerfile'))).toEqual({ code: 0, output: '' })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

/** Prints the fields that KServe's own types do not have; Kubernetes' types are looked at elsewhere. */
const UNKNOWN_TO_KSERVE = `
import json, re, sys, yaml, kserve.models
def unknown(value, type, path):
    inner = re.match(r"list\\[(.*)\\]", type)
    if inner: return [one for each in value for one in unknown(each, inner.group(1), path)]
    known = getattr(kserve.models, type, None)
    if not hasattr(known, "attribute_map"): return []
    names = {name: attribute for attribute, name in known.attribute_map.items()}
    return [found for key, each in value.items() for found in
            (unknown(each, known.openapi_types[names[key]], f"{path}.{key}") if key in names else [f"{path}.{key}"])]
print(json.dumps(unknown(yaml.safe_load(open(sys.argv[1])), "V1beta1InferenceService", "")))
`

describe('the InferenceService of exported models', () => {
  let text: string
  beforeAll(async () => {
    const folder = await exported('kserve')
    text = readFileSync(join(folder, 'inference-service.yaml'), 'utf8')
    rmSync(folder, { recursive: true })
  })
  const unknown = async (manifest: string): Promise<string[]> => {
    const file = written('inference-service.yaml', manifest)
    const { code, output } = await run(program('kserve-python', 'kserve'), ['-c', UNKNOWN_TO_KSERVE, file])
    expect([code, output]).toEqual([0, expect.stringMatching(/\]\s*$/)])
    return JSON.parse(output.trim().split('\n').at(-1) ?? '')
  }

  it("has no field that KServe's own types lack", async () => {
    expect(await unknown(text)).toEqual([])
    expect(await unknown(text.replace('minReplicas', 'minreplicas'))).toEqual(['.spec.predictor.minreplicas'])
  })

  it('has a container that Kubernetes takes', async () => {
    const { containers } = parse(text).spec.predictor
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'predictor' }, spec: { containers } }
    const args = ['-k', '1.37', '--strict', written('pod.yaml', stringify(pod))]
    expect(await run(program('kubernetes-validate', 'deployment'), args)).toEqual({
      code: 0,
      output: expect.stringContaining('passed for resource pod/predictor'),
    })
  })
})

describe("the autoscaler's metric", () => {
  /** A pod whose photos, two a second, wait so many seconds each. */
  const pod = (name: string, waitSeconds: number, photos = 2) =>
    ['count', 'sum'].map((suffix) => ({
      series: `diffiqa_queue_wait_seconds_${suffix}{namespace="default",pod="express-diffiqa-${name}",stage="fast"}`,
      values: `0+${15 * photos * (suffix === 'count' ? 1 : waitSeconds)}x20`,
    }))

  it('is the mean wait of each pod in a real Prometheus, and 0 where there are no photos', async () => {
    const test = {
      evaluation_interval: '15s',
      tests: [
        {
          interval: '15s',
          input_series: [
            ...pod('calm', 0.01),
            ...pod('busy', 0.4),
            ...pod('idle', 0, 0),
            {
              series: 'diffiqa_queue_wait_seconds_sum{namespace="default",pod="express-diffiqa-calm",stage="full"}',
              values: '0+1000x20',
            },
          ],
          promql_expr_test: [
            {
              // promtool compares to the last bit.
              expr: `round(${adapterRule().query}, 1e-6)`,
              eval_time: '5m',
              exp_samples: [
                { labels: '{pod="express-diffiqa-calm"}', value: 0.01 },
                { labels: '{pod="express-diffiqa-busy"}', value: 0.4 },
                { labels: '{pod="express-diffiqa-idle"}', value: 0 },
              ],
            },
          ],
        },
      ],
    }
    const file = written('metric.test.yml', stringify(test))
    expect(await run(program('promtool', 'prometheus'), ['test', 'rules', file])).toEqual({
      code: 0,
      output: expect.stringContaining('SUCCESS'),
    })
  })
})
