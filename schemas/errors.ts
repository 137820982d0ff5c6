import { BrookError } from '../common/errors.ts'

/** A schema is not valid Avro. */
export class InvalidSchemaError extends BrookError {
  readonly code = 'SCHEMA_INVALID'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** The registry does not take a schema because data of the subject's other versions could not be read with it, or the reverse. */
export class SchemaIncompatibleError extends BrookError {
  readonly code = 'SCHEMA_INCOMPATIBLE'
  readonly domain = 'user'
  readonly recovery = 'stop'
  readonly subject: string
  /** One sentence per difference. */
  readonly differences: readonly string[]

  constructor(subject: string, differences: readonly string[]) {
    super(`the schema does not fit the ones registered under ${subject}: ${differences.join('; ')}`)
    this.subject = subject
    this.differences = differences
  }
}

/** No such schema, or the subject does not have it. */
export class SchemaNotFoundError extends BrookError {
  readonly code = 'SCHEMA_NOT_FOUND'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** The registry does not answer, or answers that it cannot serve now. */
export class RegistryUnavailableError extends BrookError {
  readonly code = 'REGISTRY_UNAVAILABLE'
  readonly domain = 'external'
  readonly recovery = 'retry'
  readonly url: string

  constructor(url: string, detail: string) {
    super(`schema registry ${url} does not answer: ${detail.replace(/\s+/g, ' ').trim()}`)
    this.url = url
  }
}

/** The registry answers that it will not: wrong credentials, a schema it does not understand, a wrong address. */
export class RegistryRefusedError extends BrookError {
  readonly code = 'REGISTRY_REFUSED'
  readonly domain = 'user'
  readonly recovery = 'stop'
  /** The HTTP status of the answer. */
  readonly status: number

  constructor(url: string, status: number, detail: string) {
    super(`schema registry ${url} refuses with status ${status}: ${detail.replace(/\s+/g, ' ').trim()}`)
    this.status = status
  }
}
