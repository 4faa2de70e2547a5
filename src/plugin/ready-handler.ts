import type { RequestHandler } from 'express'
import type { Gate } from '../gate/gate.ts'
import { requireGate } from './options.ts'

/**
 * For a load balancer: 200 `{"ready":true}` while the gate takes photos, 503 while it closes or has no worker. It runs no model.
 */
export function readyHandler(gate: Gate): RequestHandler {
  requireGate(gate)
  return function diffiqaReadyHandler(_req, res) {
    const { ready } = gate
    res
      .status(ready ? 200 : 503)
      .set('Cache-Control', 'no-store')
      .json({ ready })
  }
}
