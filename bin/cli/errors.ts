import { BrookError } from '../../common/errors.ts'

/** The command cannot do what it was asked; the message names the thing and the way out. */
export class CliError extends BrookError {
  readonly code = 'CLI'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** The command line is wrong. */
export class UsageError extends BrookError {
  readonly code = 'USAGE'
  readonly domain = 'user'
  readonly recovery = 'stop'
}
