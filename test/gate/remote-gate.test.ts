import { OipTestServer } from '../fixtures/oip-server.ts'
import { remoteGateSuite } from '../fixtures/remote-gate-suite.ts'

remoteGateSuite('a server with binary tensors', () => OipTestServer.open({ columns: true }))
