import { readFileSync } from 'node:fs'
import { REMOTE_MODEL_NAMES, type RemoteModelName, SERVER_MODEL_NAMES } from '../inference/remote/remote-models.ts'
import type { ServerKind } from './export-options.ts'

/** Where a network goes, and the texts around it, by path in the folder. */
export interface ExportPlan {
  readonly models: Readonly<Record<RemoteModelName, string>>
  readonly texts: Readonly<Record<string, string>>
}

interface TensorSpec {
  readonly name: string
  /** Without the first dimension, which is the number of faces. */
  readonly dims: readonly number[]
}

const CROP = [3, 112, 112]

/** Inputs and outputs of the networks, as exported to ONNX. */
const TENSORS: Readonly<
  Record<RemoteModelName, { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] }>
> = {
  embedder: {
    inputs: [{ name: 'data', dims: CROP }],
    outputs: [
      { name: 'fc1', dims: [128] },
      { name: 'head', dims: [1] },
    ],
  },
  denoiser: {
    inputs: [
      { name: 'x', dims: CROP },
      { name: 't', dims: [] },
    ],
    outputs: [{ name: 'x0', dims: CROP }],
  },
  regressor: {
    inputs: [{ name: 'face', dims: CROP }],
    outputs: [
      { name: 'mean', dims: [] },
      { name: 'log_variance', dims: [] },
      { name: 'embedding', dims: [128] },
    ],
  },
}

/**
 * Most faces in one run. Measured (docs/scale.md): on a processor a batch saves nothing per face, so this only bounds how long one run
 * takes; a gate asks for 8 at most.
 */
const MAX_BATCH = 16

/** Seen from a file of the flat dist/ folder, and from this source file. */
function servingFile(name: string): string {
  for (const place of ['../models/serving/', '../../models/serving/']) {
    try {
      return readFileSync(new URL(`${place}${name}`, import.meta.url), 'utf8')
    } catch {
      // Not here: the other place is tried.
    }
  }
  throw new Error(`models/serving/${name} is missing: install express-diffiqa again`)
}

const each = <T>(entry: (name: RemoteModelName) => T): Record<RemoteModelName, T> =>
  Object.fromEntries(REMOTE_MODEL_NAMES.map((name) => [name, entry(name)])) as Record<RemoteModelName, T>

const named = (entries: readonly (readonly [string, string])[]): Record<string, string> => Object.fromEntries(entries)

/** What a server wants to find in its folder. */
export function exportPlan(server: ServerKind, modelVersion: string): ExportPlan {
  return { triton: tritonPlan, mlserver: mlserverPlan, kserve: kservePlan }[server](modelVersion)
}

/** https://docs.nvidia.com/deeplearning/triton-inference-server/user-guide/docs/user_guide/model_repository.html */
function tritonPlan(): ExportPlan {
  return {
    models: each((name) => `${SERVER_MODEL_NAMES[name]}/1/model.onnx`),
    texts: named(REMOTE_MODEL_NAMES.map((name) => [`${SERVER_MODEL_NAMES[name]}/config.pbtxt`, tritonConfig(name)])),
  }
}

function tritonConfig(name: RemoteModelName): string {
  const { inputs, outputs } = TENSORS[name]
  const list = (field: string, specs: readonly TensorSpec[]) =>
    `${field} [\n${specs.map(tritonTensor).join(',\n')}\n]\n`
  return [
    `name: "${SERVER_MODEL_NAMES[name]}"\n`,
    'platform: "onnxruntime_onnx"\n',
    `max_batch_size: ${MAX_BATCH}\n`,
    list('input', inputs),
    list('output', outputs),
    // No delay: what has arrived while a run was under way goes together, and nobody waits for company.
    'dynamic_batching {\n  max_queue_delay_microseconds: 0\n}\n',
  ].join('')
}

function tritonTensor({ name, dims }: TensorSpec): string {
  // A batched tensor of Triton has at least one dimension more than the batch; the network is given it without.
  const shape = dims.length > 0 ? `dims: [ ${dims.join(', ')} ]` : 'dims: [ 1 ] reshape: { shape: [ ] }'
  return `  { name: "${name}" data_type: TYPE_FP32 ${shape} }`
}

/** https://mlserver.readthedocs.io/en/stable/reference/model-settings.html */
function mlserverPlan(modelVersion: string): ExportPlan {
  const runtime = servingFile('mlserver-runtime.py')
  const settings = (name: RemoteModelName) => ({
    name: SERVER_MODEL_NAMES[name],
    implementation: 'diffiqa_runtime.OnnxModel',
    platform: 'onnx',
    ...metadata(TENSORS[name]),
    parameters: { version: modelVersion },
  })
  return {
    models: each((name) => `${SERVER_MODEL_NAMES[name]}/model.onnx`),
    texts: {
      // In the server's own process: handing tensors to another one costs more than the networks gain.
      'settings.json': json({ parallel_workers: 0, debug: false }),
      'requirements.txt': 'mlserver==1.7.1\nonnxruntime>=1.20\n',
      ...named(
        REMOTE_MODEL_NAMES.flatMap((name) => [
          [`${SERVER_MODEL_NAMES[name]}/model-settings.json`, json(settings(name))] as const,
          [`${SERVER_MODEL_NAMES[name]}/diffiqa_runtime.py`, runtime] as const,
        ]),
      ),
    },
  }
}

function metadata({ inputs, outputs }: (typeof TENSORS)[RemoteModelName]): Record<string, unknown> {
  const list = (specs: readonly TensorSpec[]) =>
    specs.map(({ name, dims }) => ({ name, datatype: 'FP32', shape: [-1, ...dims] }))
  return { inputs: list(inputs), outputs: list(outputs) }
}

/** https://kserve.github.io/website/docs/model-serving/predictive-inference/frameworks/custom-predictor */
function kservePlan(modelVersion: string): ExportPlan {
  return {
    models: each((name) => `${SERVER_MODEL_NAMES[name]}/model.onnx`),
    texts: {
      'serve.py': servingFile('kserve-serve.py'),
      'requirements.txt': 'kserve==0.21.0\nonnxruntime>=1.20\n',
      Dockerfile: DOCKERFILE,
      'inference-service.yaml': inferenceService(modelVersion),
    },
  }
}

const DOCKERFILE = `FROM python:3.11-slim
WORKDIR /srv/models
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
USER 65534
EXPOSE 8080
ENTRYPOINT ["python", "serve.py", "--http_port", "8080", "--enable_grpc", "false"]
`

function inferenceService(modelVersion: string): string {
  return `# The image is the Dockerfile beside this file. No batcher: a gate sends what waits together, and KServe's takes no tensors.
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: express-diffiqa
spec:
  predictor:
    minReplicas: 2
    containers:
      - name: kserve-container
        image: registry.example.com/express-diffiqa-models:${modelVersion}
        ports:
          - containerPort: 8080
            protocol: TCP
        readinessProbe:
          httpGet:
            path: /v2/health/ready
            port: 8080
        resources:
          requests:
            cpu: "2"
            memory: 1Gi
          limits:
            memory: 2Gi
`
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
