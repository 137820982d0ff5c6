import { type Clock, systemClock } from '../common/clock.ts'
import { asError } from '../common/errors.ts'
import { type Logger, silentLogger } from '../common/log.ts'
import { type BackoffOptions, backoffMs } from './backoff.ts'
import type { Connector, ConnectorStatus } from './connector.ts'

export type SupervisedState = 'idle' | 'starting' | 'running' | 'clearing' | 'waiting' | 'stopping'
export type SupervisedEvent = 'start' | 'started' | 'failed' | 'cleared' | 'waited' | 'stop' | 'stopped'

/** What follows on what; an event that is not named for a state changes nothing there. */
export const TRANSITIONS: Readonly<Record<SupervisedState, Partial<Record<SupervisedEvent, SupervisedState>>>> = {
  idle: { start: 'starting' },
  starting: { started: 'running', failed: 'clearing', stop: 'stopping' },
  running: { failed: 'clearing', stop: 'stopping' },
  clearing: { cleared: 'waiting', stop: 'stopping' },
  waiting: { waited: 'starting', stop: 'stopping' },
  stopping: { stopped: 'idle' },
}

/** Runs `run` after `delayMs`; the answer cancels it. */
export type Schedule = (delayMs: number, run: () => void) => () => void

const schedule: Schedule = (delayMs, run) => {
  const timer = setTimeout(run, delayMs)
  return () => clearTimeout(timer)
}

export interface SupervisorOptions {
  readonly connectors: readonly Connector[]
  readonly clock?: Clock
  readonly logger?: Logger
  readonly schedule?: Schedule
  readonly backoff?: BackoffOptions
  /** A connector that has run this long starts over with the shortest wait when it fails (default 60 s). */
  readonly stableMs?: number
  /** How long one `stop` may take before it is left behind (default 10 s). */
  readonly stopTimeoutMs?: number
}

/**
 * Starts connectors and starts those anew that fail, after a wait that doubles up to 4 s. Each is on its own: what one does
 * (fail, hang, throw) does not touch the others. `start` returns at once; `statuses` tells how they fare.
 */
export class Supervisor {
  readonly #all: readonly Supervised[]

  constructor(options: SupervisorOptions) {
    this.#all = options.connectors.map((connector) => new Supervised(connector, options))
  }

  start(): void {
    for (const one of this.#all) one.handle('start')
  }

  /** Resolves when all have stopped, or have taken too long to. */
  async stop(): Promise<void> {
    await Promise.all(this.#all.map((one) => one.stop()))
  }

  /** In the order given; one that waits for its restart is `failed`. */
  statuses(): ConnectorStatus[] {
    return this.#all.map((one) => one.status())
  }
}

class Supervised {
  readonly #connector: Connector
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #schedule: Schedule
  readonly #options: SupervisorOptions
  #state: SupervisedState = 'idle'
  #run = 0
  #attempt = 0
  #sinceMs = 0
  #lastError: Error | undefined
  #cancelWait: (() => void) | undefined
  #whenIdle: (() => void)[] = []
  #stopCall: Promise<void> | undefined

  constructor(connector: Connector, options: SupervisorOptions) {
    this.#connector = connector
    this.#options = options
    this.#clock = options.clock ?? systemClock
    this.#logger = (options.logger ?? silentLogger).child({ connector: connector.name })
    this.#schedule = options.schedule ?? schedule
  }

  status(): ConnectorStatus {
    const own = this.#connector.status()
    if (this.#state !== 'waiting' && this.#state !== 'clearing') return own
    const lastError = this.#lastError?.message ?? own.lastError
    return { ...own, state: 'failed', sinceMs: this.#sinceMs, ...(lastError === undefined ? {} : { lastError }) }
  }

  stop(): Promise<void> {
    if (this.#state === 'idle') return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve)
      this.handle('stop')
    })
  }

  handle(event: SupervisedEvent, error?: Error): void {
    const next = TRANSITIONS[this.#state][event]
    if (next === undefined) return
    const ranMs = this.#clock.nowMs() - this.#sinceMs
    const before = this.#state
    this.#state = next
    this.#sinceMs = this.#clock.nowMs()
    this.#cancelWait?.()
    this.#cancelWait = undefined
    if (error) this.#lastError = error
    if (before === 'running' && ranMs >= (this.#options.stableMs ?? 60_000)) this.#attempt = 0
    this.#enter(next)
  }

  #enter(state: SupervisedState): void {
    if (state === 'starting') this.#startRun()
    else if (state === 'running') this.#logger.info({}, 'connector runs')
    else if (state === 'clearing') {
      if (this.#attempt === 0)
        this.#logger.warn({ reason: this.#lastError?.message }, 'connector failed; it will be started again')
      else this.#logger.debug({ err: this.#lastError, attempt: this.#attempt }, 'connector failed again')
      this.#stopRun('cleared')
    } else if (state === 'waiting') {
      const delayMs = backoffMs(this.#attempt++, this.#options.backoff)
      const cancelTimer = this.#schedule(delayMs, () => this.handle('waited'))
      const stopLooking = this.#connector.watchReturn?.(() => this.handle('waited'))
      this.#cancelWait = () => {
        cancelTimer()
        stopLooking?.()
      }
    } else if (state === 'stopping') this.#stopRun('stopped')
    else this.#settleIdle()
  }

  #startRun(): void {
    const run = ++this.#run
    const tell = (event: SupervisedEvent, error?: Error): void => {
      if (run === this.#run) this.handle(event, error)
    }
    call(() => this.#connector.start((error) => tell('failed', error))).then(
      () => tell('started'),
      (error) => tell('failed', asError(error)),
    )
  }

  /** From here on nothing that the run still says is listened to. */
  #stopRun(then: SupervisedEvent): void {
    this.#run++
    const run = this.#run
    let settled = false
    const settle = (): void => {
      if (settled || run !== this.#run) return
      settled = true
      cancel()
      this.handle(then)
    }
    const cancel = this.#schedule(this.#options.stopTimeoutMs ?? 10_000, () => {
      if (!settled) this.#logger.error({}, 'connector does not stop; it is left behind')
      settle()
    })
    this.#stopCall ??= call(() => this.#connector.stop()).finally(() => {
      this.#stopCall = undefined
    })
    this.#stopCall.then(settle, (error) => {
      this.#logger.warn({ err: asError(error) }, 'connector did not stop cleanly')
      settle()
    })
  }

  #settleIdle(): void {
    this.#attempt = 0
    for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

/** A connector that throws instead of rejecting has failed all the same. */
async function call(work: () => Promise<void>): Promise<void> {
  await work()
}
