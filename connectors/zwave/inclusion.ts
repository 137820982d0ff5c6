import type { Clock } from '../../common/clock.ts'
import { BrookError } from '../../common/errors.ts'

export type InclusionState =
  | 'idle'
  | 'including'
  | 'excluding'
  | 'node-found'
  | 'interviewing'
  | 'done'
  | 'failed'
  | 'timed-out'
  | 'stopped'

type InclusionEvent = 'include' | 'exclude' | 'found' | 'added' | 'removed' | 'ready' | 'fail' | 'late' | 'stop'

const BEGIN = { include: 'including', exclude: 'excluding' } as const
const BREAKS = { fail: 'failed', late: 'timed-out', stop: 'stopped' } as const

/** What follows on what; an event that is not named for a state changes nothing there. */
const TRANSITIONS: Readonly<Record<InclusionState, Partial<Record<InclusionEvent, InclusionState>>>> = {
  idle: BEGIN,
  including: { found: 'node-found', added: 'interviewing', ...BREAKS },
  excluding: { found: 'node-found', removed: 'done', ...BREAKS },
  'node-found': { added: 'interviewing', removed: 'done', ...BREAKS },
  // The node is in the network whatever comes now.
  interviewing: { ready: 'done', late: 'done', stop: 'done', fail: 'done' },
  done: BEGIN,
  failed: BEGIN,
  'timed-out': BEGIN,
  stopped: BEGIN,
}

/** Taking a device in or letting one go: the one under way, or how the last one ended. Times are milliseconds since the epoch. */
export interface InclusionStatus {
  readonly state: InclusionState
  readonly kind?: 'inclusion' | 'exclusion'
  readonly sinceMs: number
  /** When the step under way is given up. */
  readonly endsAtMs?: number
  /** The node that has joined or left. */
  readonly nodeId?: number
  readonly detail?: string
}

/** Another device is being taken in or let go. */
export class ZwaveBusyError extends BrookError {
  readonly code = 'ZWAVE_BUSY'
  readonly domain = 'user'
  readonly recovery = 'retry'
}

export const DEFAULT_INCLUSION_MS = 60_000
/** Devices that are asked what they can do take seconds, those that sleep at once again much longer. */
const INTERVIEW_MS = 60_000

export interface InclusionOptions {
  readonly clock: Clock
  /** Tells the stick to stop waiting for a device. */
  readonly stopStick: () => void
  /** After every change. */
  readonly onChange: (status: InclusionStatus) => void
}

/** The life of one inclusion or exclusion at a time. It ends by itself when its time is over. */
export class Inclusion {
  readonly #options: InclusionOptions
  #status: InclusionStatus
  #timer: NodeJS.Timeout | undefined

  constructor(options: InclusionOptions) {
    this.#options = options
    this.#status = { state: 'idle', sinceMs: options.clock.nowMs() }
  }

  get status(): InclusionStatus {
    return this.#status
  }

  get isUnderWay(): boolean {
    return TRANSITIONS[this.#status.state].late !== undefined
  }

  /** @throws {ZwaveBusyError} */
  begin(event: 'include' | 'exclude', timeoutMs: number): void {
    if (TRANSITIONS[this.#status.state][event] === undefined) {
      const { kind, endsAtMs = 0 } = this.#status
      const leftS = Math.ceil(Math.max(0, endsAtMs - this.#options.clock.nowMs()) / 1000)
      throw new ZwaveBusyError(`another ${kind} is under way for ${leftS} s more; it can be stopped`)
    }
    this.#move(event, { kind: event === 'include' ? 'inclusion' : 'exclusion' }, timeoutMs)
  }

  /** The stick could not be told to begin, or has given up. */
  fail(detail: string): void {
    this.#move('fail', { detail })
  }

  stop(): void {
    this.#move('stop', {})
  }

  found(): void {
    this.#move('found', {})
  }

  added(nodeId: number): void {
    this.#move('added', { nodeId }, INTERVIEW_MS)
  }

  removed(nodeId: number): void {
    if (this.#status.kind === 'exclusion') this.#move('removed', { nodeId })
  }

  ready(nodeId: number): void {
    if (nodeId === this.#status.nodeId) this.#move('ready', {})
  }

  #late(): void {
    const { state, nodeId } = this.#status
    if (state === 'interviewing') {
      this.#move('late', { detail: `node ${nodeId} has joined; what it can do is still being asked` })
      return
    }
    this.#move('late', { detail: 'nobody has pressed the button of a device in time' })
    this.#options.stopStick()
  }

  #move(event: InclusionEvent, changes: Partial<InclusionStatus>, timeoutMs?: number): void {
    const next = TRANSITIONS[this.#status.state][event]
    if (next === undefined) return
    const nowMs = this.#options.clock.nowMs()
    const isOver = TRANSITIONS[next].late === undefined
    const { kind, nodeId, endsAtMs } =
      event === 'include' || event === 'exclude' ? {} : (this.#status as Partial<InclusionStatus>)
    const until = timeoutMs === undefined ? endsAtMs : nowMs + timeoutMs
    this.#status = {
      state: next,
      sinceMs: nowMs,
      ...(kind === undefined ? {} : { kind }),
      ...(nodeId === undefined ? {} : { nodeId }),
      ...(isOver || until === undefined ? {} : { endsAtMs: until }),
      ...changes,
    }
    if (isOver || timeoutMs !== undefined) clearTimeout(this.#timer)
    if (timeoutMs !== undefined) this.#timer = setTimeout(() => this.#late(), timeoutMs)
    this.#options.onChange(this.#status)
  }
}
