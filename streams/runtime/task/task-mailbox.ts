import type { Awaitable } from '../../../common/awaitable.ts'
import type { TaskWork } from '../../processors/async/task-work.ts'
import type { Cancellable } from '../../processors/processor.ts'
import type { RecordMetadata } from '../../record.ts'
import { SourceRecord } from './source-record.ts'

/** The node that a job belongs to: calls it so that what it throws names the node. */
export interface MailOwner {
  run(job: () => Awaitable<void>): Awaitable<void>
}

interface Mail {
  readonly owner: MailOwner
  readonly origin: RecordMetadata | undefined
  readonly job: () => Awaitable<void>
}

/** Runs a job with an origin's record metadata. */
export type RunAs = (origin: RecordMetadata | undefined, job: () => Awaitable<void>) => Awaitable<void>

interface Timer extends Mail {
  readonly dueMs: number
}

/**
 * What a task has to do between records: results of work that went on outside of its turns, and timers on the wall clock. Anybody
 * may put in at any time; only the task takes out. It also counts what is unfinished.
 */
export class TaskMailbox {
  readonly #nowMs: () => number
  readonly #onMail: () => void
  #mail: Mail[] = []
  /** By due time. */
  readonly #timers: Timer[] = []
  #held = 0
  #full = 0
  #outside = 0
  #closed = false
  #running = false
  #arrived: (() => void) | undefined

  /** `onMail` is called when something came into the empty mailbox. */
  constructor(nowMs: () => number, onMail: () => void) {
    this.#nowMs = nowMs
    this.#onMail = onMail
  }

  get hasMail(): boolean {
    return this.#mail.length > 0
  }

  /** Nothing is unfinished, and nothing waits to be run. */
  get isSettled(): boolean {
    return this.#held === 0 && this.#mail.length === 0
  }

  /** Some processor takes no more records. */
  get isFull(): boolean {
    return this.#full > 0
  }

  /** Promises that somebody waits for. */
  get outside(): number {
    return this.#outside
  }

  get nextDueMs(): number {
    return this.#timers[0]?.dueMs ?? Number.POSITIVE_INFINITY
  }

  workOf(owner: MailOwner): TaskWork {
    let full = false
    return {
      hold: () => {
        this.#held++
      },
      release: () => {
        this.#held--
      },
      full: (isFull) => {
        if (isFull === full) return
        full = isFull
        this.#full += isFull ? 1 : -1
      },
      post: (origin, job) => this.post({ owner, origin, job }),
      settled: (promise, origin, then) => {
        SourceRecord.keep(origin)
        return this.#settled(promise, (outcome) => ({ owner, origin, job: () => then(outcome) }))
      },
      after: (delayMs, origin, job) => this.#after({ owner, origin, job, dueMs: this.#nowMs() + delayMs }),
    }
  }

  post(mail: Mail): void {
    if (this.#closed) return
    this.#mail.push(mail)
    if (this.#running || this.#mail.length > 1) return
    this.#arrived?.()
    this.#onMail()
  }

  /** Runs what is there and due, and what that asks for, in order. True when something ran. */
  run(runAs: RunAs): Awaitable<boolean> {
    if (this.#timers.length > 0) this.#ring()
    return this.#mail.length > 0 && this.#run(runAs)
  }

  /** Resolves with the next mail, at the next timer, or after `withinMs` of real time. */
  async arrival(withinMs: number): Promise<void> {
    if (this.#mail.length > 0) return
    const waitMs = Math.min(withinMs, Math.max(this.nextDueMs - this.#nowMs(), 1))
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#arrived = resolve
      timer = setTimeout(resolve, waitMs)
    })
    clearTimeout(timer)
    this.#arrived = undefined
  }

  /** Nothing runs any more. */
  close(): void {
    this.#closed = true
    this.#mail = []
    this.#timers.length = 0
    this.#arrived?.()
  }

  #run(runAs: RunAs): Awaitable<boolean> {
    this.#running = true
    while (this.#mail.length > 0) {
      const batch = this.#mail
      this.#mail = []
      for (let i = 0; i < batch.length; i++) {
        const { owner, origin, job } = batch[i] as Mail
        const pending = runAs(origin, () => owner.run(job))
        if (pending instanceof Promise) {
          this.#mail = [...batch.slice(i + 1), ...this.#mail]
          return pending.then(() => this.#run(runAs))
        }
      }
    }
    this.#running = false
    return true
  }

  #settled<T>(promise: Promise<T>, mailOf: (outcome: PromiseSettledResult<T>) => Mail): Cancellable {
    let waiting = true
    this.#outside++
    const leave = (): boolean => {
      if (!waiting) return false
      waiting = false
      this.#outside--
      return true
    }
    promise.then(
      (value) => void (leave() && this.post(mailOf({ status: 'fulfilled', value }))),
      (reason: unknown) => void (leave() && this.post(mailOf({ status: 'rejected', reason }))),
    )
    return { cancel: () => void leave() }
  }

  #after(timer: Timer): Cancellable {
    let at = this.#timers.length
    while (at > 0 && (this.#timers[at - 1] as Timer).dueMs > timer.dueMs) at--
    this.#timers.splice(at, 0, timer)
    return {
      cancel: () => {
        const found = this.#timers.indexOf(timer)
        if (found >= 0) this.#timers.splice(found, 1)
      },
    }
  }

  #ring(): void {
    const now = this.#nowMs()
    while (this.nextDueMs <= now) this.#mail.push(this.#timers.shift() as Timer)
  }
}
