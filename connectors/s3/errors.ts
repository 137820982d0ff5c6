import { BrookError } from '../../common/errors.ts'

/** The object store cannot be reached, does not answer, or answers that it cannot do it now. Try again. */
export class S3UnavailableError extends BrookError {
  readonly code = 'S3_UNAVAILABLE'
  readonly domain = 'external'
  readonly recovery = 'retry'
}

/** The object store answers that it will not: no such bucket, wrong credentials, no right to write. Somebody has to mend that. */
export class S3RefusedError extends BrookError {
  readonly code = 'S3_REFUSED'
  readonly domain = 'user'
  readonly recovery = 'retry'
  /** S3's name of the error, such as `NoSuchBucket` or `AccessDenied`. */
  readonly s3Code: string

  constructor(message: string, s3Code: string, options?: ErrorOptions) {
    super(message, options)
    this.s3Code = s3Code
  }
}
