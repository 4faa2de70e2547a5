import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const require = createRequire(import.meta.url)

/**
 * Load @vladmandic/human in Node without tfjs-node. The package's exports map hides its WASM build, so it is required by file path; that build
 * reads its models with fetch(), which knows no file: URLs in Node, so they are answered from disk while the models load. Needs
 * @vladmandic/human, @tensorflow/tfjs and @tensorflow/tfjs-backend-wasm.
 */
export async function loadHuman(config = {}) {
  const root = dirname(dirname(require.resolve('@vladmandic/human')))
  const wasm = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'))
  const { Human } = require(join(root, 'dist', 'human.node-wasm.js'))
  const human = new Human({
    backend: 'wasm',
    wasmPath: `${join(wasm, 'wasm-out')}/`,
    modelBasePath: `${pathToFileURL(join(root, 'models'))}/`,
    cacheSensitivity: 0,
    filter: { enabled: false },
    face: {
      enabled: true,
      detector: { maxDetected: 5 },
      mesh: { enabled: true },
      description: { enabled: true },
      iris: { enabled: false },
      emotion: { enabled: false },
    },
    body: { enabled: false },
    hand: { enabled: false },
    object: { enabled: false },
    gesture: { enabled: false },
    ...config,
  })
  const fetchOverNetwork = globalThis.fetch
  globalThis.fetch = async (input, init) => {
    const url = String(input instanceof Request ? input.url : input)
    return url.startsWith('file:') ? new Response(await readFile(fileURLToPath(url))) : fetchOverNetwork(input, init)
  }
  try {
    await human.load()
  } finally {
    globalThis.fetch = fetchOverNetwork
  }
  return human
}
