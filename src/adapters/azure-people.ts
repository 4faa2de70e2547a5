import { DiffiqaError } from '../errors.ts'
import type { AzureCall } from './azure-face-client.ts'
import type { SubjectId } from './matcher.ts'

const PERSONS = '/largepersongroups/{largePersonGroupId}/persons'
const PERSON = '/largepersongroups/{largePersonGroupId}/persons/{personId}'
const FACES = '/largepersongroups/{largePersonGroupId}/persons/{personId}/persistedfaces'
const FACE = '/largepersongroups/{largePersonGroupId}/persons/{personId}/persistedfaces/{persistedFaceId}'
const TRAIN = '/largepersongroups/{largePersonGroupId}/train'

/** Most people that one page of a list holds. */
const PAGE = 1000

/** The people of one group: Azure knows them by identifiers of its own, the subject is their name. */
export function azurePeople(call: AzureCall, group: string) {
  return {
    /** Identifiers of the people with that name. */
    async named(subject: SubjectId, signal?: AbortSignal): Promise<string[]> {
      const found: string[] = []
      let start: string | undefined
      for (;;) {
        const queryParameters = { top: PAGE, ...(start !== undefined && { start }) }
        const page = await call('get', [PERSONS, group], { queryParameters }, signal)
        if (!Array.isArray(page)) throw new DiffiqaError('matcher-invalid-answer', "Azure's answer lists no persons")
        for (const person of page) if (person?.name === subject) found.push(person.personId)
        if (page.length < PAGE) return found
        start = page.at(-1)?.personId
      }
    },

    async isEmpty(signal?: AbortSignal): Promise<boolean> {
      const page = await call('get', [PERSONS, group], { queryParameters: { top: 1 } }, signal)
      return Array.isArray(page) && page.length === 0
    },

    /** The name of a person; undefined for one that was removed after the group was trained. */
    async nameOf(personId: string, signal?: AbortSignal): Promise<SubjectId | undefined> {
      try {
        const person = (await call('get', [PERSON, group, personId], {}, signal)) as { name?: SubjectId } | null
        return person?.name
      } catch (error) {
        if (error instanceof DiffiqaError && error.details.status === 404) return undefined
        throw error
      }
    },

    create: async (subject: SubjectId, signal?: AbortSignal): Promise<string> => {
      const body = { name: subject }
      const answer = await call('post', [PERSONS, group], { body, contentType: 'application/json' }, signal)
      return requireId(answer, 'personId')
    },

    async addFace(personId: string, photo: Uint8Array, query: object, signal?: AbortSignal): Promise<string> {
      const request = { body: photo, contentType: 'application/octet-stream', queryParameters: { ...query } }
      return requireId(await call('post', [FACES, group, personId], request, signal), 'persistedFaceId')
    },

    async removeFace(personId: string, faceId: string): Promise<void> {
      await call('delete', [FACE, group, personId, faceId], {}, undefined)
    },

    async remove(personId: string, signal?: AbortSignal): Promise<void> {
      await call('delete', [PERSON, group, personId], {}, signal)
    },

    /** Starts it: Azure trains on by itself. */
    async train(signal?: AbortSignal): Promise<void> {
      await call('post', [TRAIN, group], {}, signal)
    },
  }
}

function requireId(answer: unknown, field: 'personId' | 'persistedFaceId'): string {
  const id = (answer as Record<string, unknown> | null | undefined)?.[field]
  if (typeof id === 'string') return id
  throw new DiffiqaError('matcher-invalid-answer', `Azure's answer has no ${field}`)
}
