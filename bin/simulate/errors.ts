import { BrookError } from '../../common/errors.ts'

/** A fault that cannot be brought about, or ended; the message says why. */
export class FaultError extends BrookError {
  readonly code = 'FAULT'
  readonly domain = 'user'
  readonly recovery = 'stop'
}
