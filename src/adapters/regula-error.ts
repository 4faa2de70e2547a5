import { codeOfNetwork, codeOfStatus, type ReadError, readRetryAfter } from './sdk-error.ts'

interface AxiosErrorLike {
  readonly name: string
  readonly response?: { readonly status?: number; readonly headers?: Readonly<Record<string, unknown>> }
}

/** What the errors of Regula's client, which are those of axios, mean. The service answers 404 for a group that does not exist. */
export const readRegulaError: ReadError = (error) => {
  if (!(error instanceof Error) || error.name !== 'AxiosError') return undefined
  const { status, headers } = (error as AxiosErrorLike).response ?? {}
  if (status === undefined) return { code: codeOfNetwork(error) ?? 'matcher-unreachable' }
  const retryAfterSeconds = readRetryAfter(headers?.['retry-after'])
  return {
    code: (status === 404 ? 'gallery-missing' : codeOfStatus(status)) ?? 'matcher-failed',
    details: { status },
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  }
}
