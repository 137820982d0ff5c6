import { BrookError } from '../../common/errors.ts'

/** A program or package that a real server needs is not on this machine and cannot be had here. One line: what, and how to get it. */
export class MissingPartError extends BrookError {
  readonly code = 'PART_MISSING'
  readonly domain = 'external'
  readonly recovery = 'stop'
}

/** A server was started and did not become ready. The message holds the end of its log. */
export class ServerStartError extends BrookError {
  readonly code = 'SERVER_NOT_READY'
  readonly domain = 'external'
  readonly recovery = 'retry'
}
