import { BrookError } from '../../common/errors.ts'

/** The directory of an embedded log is open already, in another process or elsewhere in this one. */
export class EmbeddedLogInUseError extends BrookError {
  readonly code = 'EMBEDDED_LOG_IN_USE'
  readonly domain = 'user'
  readonly recovery = 'stop'
  readonly directory: string

  constructor(directory: string, options?: ErrorOptions) {
    super(
      `the embedded log in ${directory} is open already: embedded mode is for one process only. ` +
        'Stop the other one, give this one a directory of its own, or run several on Kafka: set BROOK_KAFKA_BROKERS',
      options,
    )
    this.directory = directory
  }
}

/** The embedded log cannot be opened, or a write to it failed. Nothing is written after a failed write: what is acknowledged is there. */
export class EmbeddedLogFailedError extends BrookError {
  readonly code = 'EMBEDDED_LOG_FAILED'
  readonly domain = 'external'
  readonly recovery = 'stop'
}
