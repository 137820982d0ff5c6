import { asError, BrookError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'

/** Things to close, last opened first. One that fails does not keep the others open. */
export class Closing {
  readonly #steps: { readonly what: string; readonly close: () => Promise<unknown> | unknown }[] = []
  readonly #log: Logger

  constructor(log: Logger) {
    this.#log = log
  }

  add(what: string, close: () => Promise<unknown> | unknown): void {
    this.#steps.push({ what, close })
  }

  async run(): Promise<void> {
    for (const { what, close } of this.#steps.splice(0).reverse()) {
      try {
        await close()
      } catch (error) {
        this.#log.warn({ err: asError(error) }, `closing ${what} failed`)
      }
    }
  }
}

/** How long a stop may take; container runtimes kill soon after. */
const STOP_MS = 30_000

/**
 * Runs a program until it is told to stop (Ctrl-C, SIGTERM) or fails: `start` opens things and adds how to close them. The first
 * signal stops it in order, a second one at once. Exit code 0 after a stop, 1 after a failure, whose message is one line.
 */
export async function runProgram(
  log: Logger,
  start: (closing: Closing, signal: AbortSignal, fail: (error: Error) => void) => Promise<void>,
): Promise<void> {
  const closing = new Closing(log)
  const stop = new AbortController()
  let failure: Error | undefined
  const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve(), { once: true }))
  const fail = (error: Error): void => {
    failure ??= error
    stop.abort(error)
  }
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130)
      log.info({ signal: name }, 'stopping')
      stop.abort()
    })
  }
  process.on('unhandledRejection', (reason) => fail(asError(reason)))
  try {
    await start(closing, stop.signal, fail)
  } catch (error) {
    if (!stop.signal.aborted) fail(asError(error))
  }
  await stopped
  if (failure !== undefined) explain(log, failure)
  const late = setTimeout(() => {
    log.error({}, `not stopped after ${STOP_MS / 1000} s: giving up`)
    process.exit(1)
  }, STOP_MS)
  await closing.run()
  clearTimeout(late)
  process.exitCode = failure === undefined ? 0 : 1
  // Native drivers may hold the event loop open for a while; everything of ours is closed by now.
  setTimeout(() => process.exit(), 1_000).unref()
}

/** People get a sentence; the stack is for faults of ours. */
export function explain(log: Logger, error: Error): void {
  if (error instanceof BrookError && error.domain !== 'internal') log.error({ code: error.code }, error.message)
  else log.error({ err: error }, error.message)
}
