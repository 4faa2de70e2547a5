import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { InferenceBackend, TaskKind } from '../backend.ts'
import type { RemoteHub } from './remote-hub.ts'
import { serveTensors } from './tensor-port.ts'

/** The end of a new connection through which a worker has its remote networks run by the hub. */
export function connectWorker(hub: RemoteHub): MessagePort {
  const { port1, port2 } = new MessageChannel()
  serveTensors(port1, (model, feeds, deadline) => hub.run(model, feeds, deadline))
  return port2
}

/**
 * Worker threads that need a server: while none can be used, what needs it is not taken, before a photo is read or decoded in vain.
 * Where only full DifFIQA's networks are remote, the fast score goes on without. Closes the hub with the workers.
 */
export function withRemote(backend: InferenceBackend, hub: RemoteHub): InferenceBackend {
  const admit = (kind: TaskKind) => {
    if (hub.serves(kind)) hub.admit()
  }
  return {
    async run(task, options) {
      admit(options.kind)
      return backend.run(task, options)
    },
    admit(kind, deadline) {
      admit(kind)
      backend.admit(kind, deadline)
    },
    get ready() {
      return backend.ready && (hub.ready || !hub.serves('fast'))
    },
    whenReady: () => backend.whenReady(),
    stats: () => backend.stats(),
    onRestart: (listener) => backend.onRestart(listener),
    async close(options) {
      await backend.close(options)
      hub.close()
    },
  }
}
