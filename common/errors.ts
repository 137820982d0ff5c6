/** Whose fault it is: the user's code or settings, the world outside, or Brook itself. */
export type ErrorDomain = 'user' | 'external' | 'internal'

/** What is due after the error: try again, skip the record, restore the task's state, give its tasks up, or stop. */
export type Recovery = 'retry' | 'skip-record' | 'restore-task' | 'drop-tasks' | 'stop'

/** The root of all errors that Brook throws on purpose. `code` is stable; the message is for people. */
export abstract class BrookError extends Error {
  abstract readonly code: string
  abstract readonly domain: ErrorDomain
  abstract readonly recovery: Recovery

  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
  }
}

/** A call was made with an argument that can never work. */
export class InvalidArgumentError extends BrookError {
  readonly code = 'INVALID_ARGUMENT'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** The configuration is wrong. `problems` lists every one of them, so that they can be mended in one go. */
export class ConfigError extends BrookError {
  readonly code = 'CONFIG_INVALID'
  readonly domain = 'user'
  readonly recovery = 'stop'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(
      `the configuration has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    )
    this.problems = problems
  }
}

/** Bytes could not be read, or a value not written, by a serde. */
export class SerdeError extends BrookError {
  readonly code = 'SERDE_FAILED'
  readonly domain = 'user'
  readonly recovery = 'skip-record'
}

/** A serde needs something from outside (a schema) before it can go on. Wait for `ready`, then try the same record again. */
export class SerdeNotReadyError extends BrookError {
  readonly code = 'SERDE_NOT_READY'
  readonly domain = 'external'
  readonly recovery = 'retry'
  readonly ready: Promise<void>

  constructor(message: string, ready: Promise<void>) {
    super(message)
    this.ready = ready
  }
}

/** A state that the code holds to be impossible. */
export class InternalError extends BrookError {
  readonly code = 'INTERNAL'
  readonly domain = 'internal'
  readonly recovery = 'stop'
}

export function assertNever(value: never): never {
  throw new InternalError(`unexpected value ${JSON.stringify(value)}`)
}

export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
