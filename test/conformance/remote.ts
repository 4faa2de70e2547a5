import type { Matcher, SubjectId } from '../../src/adapters/matcher.ts'
import type { MatcherUnderTest } from '../../src/conformance/types.ts'
import { fakeService, type Reply, type SeenRequest } from '../fixtures/fake-service.ts'
import { Control, controlled } from './control.ts'

export interface RemoteParts {
  /** What the service answers when nothing is wrong. */
  readonly route: (request: SeenRequest) => Promise<Reply>
  readonly open: (url: string) => Matcher
  readonly enrolled?: () => readonly SubjectId[]
  /** What it answers when it fails. @default an empty 500 */
  readonly failure?: Reply
  readonly isOwn: (error: unknown) => boolean
}

/** A matcher in front of a local HTTP server. */
export async function remote({ route, open, enrolled, failure, isOwn }: RemoteParts): Promise<MatcherUnderTest> {
  const control = new Control()
  const service = await fakeService()
  service.answer = async (request) => {
    if (control.isNextToFail()) return failure ?? { status: 500, body: {} }
    if (control.hanging) return 'hang'
    const reply = await route(request)
    if (typeof reply === 'object' && 'body' in reply) control.answers.push(reply.body)
    return reply
  }
  return {
    matcher: open(service.url),
    ...controlled(control, isOwn),
    ...(enrolled && { enrolled: async () => enrolled() }),
    close: () => service.close(),
  }
}
