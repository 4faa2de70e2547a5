import type { ErrorCode } from '../errors.ts'
import { codeOfStatus, type ReadError } from './sdk-error.ts'

/** Names of the client's errors; each is also the name of its class. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  AccessDeniedException: 'matcher-unauthorised',
  UnrecognizedClientException: 'matcher-unauthorised',
  InvalidSignatureException: 'matcher-unauthorised',
  IncompleteSignatureException: 'matcher-unauthorised',
  ExpiredTokenException: 'matcher-unauthorised',
  CredentialsProviderError: 'matcher-unauthorised',
  ThrottlingException: 'matcher-throttled',
  ProvisionedThroughputExceededException: 'matcher-throttled',
  LimitExceededException: 'matcher-throttled',
  ServiceQuotaExceededException: 'matcher-throttled',
  ResourceNotFoundException: 'gallery-missing',
  InvalidImageFormatException: 'unreadable-image',
  ImageTooLargeException: 'payload-too-large',
  SyntaxError: 'matcher-invalid-answer',
}

interface AwsError {
  readonly name: string
  readonly $metadata?: { readonly httpStatusCode?: number }
}

/** What the errors of @aws-sdk/client-rekognition mean; those of the network are known by their own codes. */
export const readRekognitionError: ReadError = (error) => {
  if (!(error instanceof Error)) return undefined
  const { name, $metadata } = error as AwsError
  const code = CODES[name] ?? codeOfStatus($metadata?.httpStatusCode)
  return code && { code, details: { error: name } }
}
