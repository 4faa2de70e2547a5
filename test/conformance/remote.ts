import type { MatcherUnderTest } from '../../src/conformance/types.ts'
import { fakeService } from '../fixtures/fake-service.ts'
import type { RemoteMatcher } from '../fixtures/services/remote-matchers.ts'
import { Control, controlled } from './control.ts'

/** A matcher in front of a local HTTP server. */
export async function remote({ service, open, enrolled, failure, isOwn }: RemoteMatcher): Promise<MatcherUnderTest> {
  const control = new Control()
  const server = await fakeService()
  server.answer = async (request) => {
    if (control.isNextToFail()) return failure ?? { status: 500, body: {} }
    const isLost = control.isNextLost()
    if (control.hanging) return 'hang'
    const reply = await service(request)
    if (isLost) return 'drop'
    if (typeof reply === 'object' && 'body' in reply) control.answers.push(reply.body)
    return reply
  }
  return {
    matcher: open(server.url),
    ...controlled(control, isOwn),
    enrolled: async () => enrolled(),
    close: () => server.close(),
  }
}
