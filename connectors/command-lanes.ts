import type { Clock } from '../common/clock.ts'
import type { Command, CommandStatus } from '../schemas/types.ts'

/** How a command ended. `detail` is a sentence for people. */
export interface CommandOutcome {
  readonly status: Exclude<CommandStatus, 'unknown'>
  readonly detail?: string
}

/** One command in its lane. `done` is told once: how it ended, or `undefined` when it was dropped before it was carried out. */
export interface LaneEntry {
  readonly command: Command
  readonly done: (outcome: CommandOutcome | undefined) => void
}

export interface LanesOptions {
  /**
   * Carries one command out. A rejection counts as `refused`. `newer` aborts when a newer command for the same device and kind
   * has come, with its id as the reason: one that could not be sent yet may end then. `letNext` lets the device have its next
   * command while the end of this one is still awaited.
   */
  readonly run: (command: Command, newer: AbortSignal, letNext: () => void) => Promise<CommandOutcome>
  readonly clock: Clock
  /** Most devices that are busy at a time. */
  readonly maxParallel: number
}

const EXPIRED: CommandOutcome = { status: 'expired', detail: 'its time was over before it could be sent' }

/**
 * One queue per device. A device does one command at a time, in order; devices run side by side up to a bound. A command that
 * waits is superseded by a newer one for the same device and kind; one that has expired when its turn comes is not carried out.
 */
export class CommandLanes {
  readonly #options: LanesOptions
  readonly #waiting = new Map<string, LaneEntry[]>()
  readonly #busy = new Map<string, { readonly kind: Command['kind']; readonly newer: AbortController }>()
  readonly #ready = new Set<string>()
  #size = 0
  #isHeld = false
  #whenQuiet: (() => void)[] = []

  constructor(options: LanesOptions) {
    this.#options = options
  }

  /** Commands that wait or run. */
  get size(): number {
    return this.#size
  }

  add(entry: LaneEntry): void {
    const { deviceId, kind } = entry.command
    this.#size++
    if (this.#hasExpired(entry)) {
      this.#end(entry, EXPIRED)
      return
    }
    const lane = this.#waiting.get(deviceId) ?? []
    this.#waiting.set(deviceId, lane)
    const older = lane.findIndex((waiting) => waiting.command.kind === kind)
    const superseded = older < 0 ? undefined : lane.splice(older, 1)[0]
    lane.push(entry)
    if (superseded) this.#end(superseded, { status: 'superseded', detail: `by command ${entry.command.commandId}` })
    const running = this.#busy.get(deviceId)
    if (!running) this.#ready.add(deviceId)
    else if (running.kind === kind) running.newer.abort(entry.command.commandId)
    this.#next()
  }

  /** Nothing more begins until `release`: of what is added meanwhile only the newest per device and kind will. */
  hold(): void {
    this.#isHeld = true
  }

  release(): void {
    this.#isHeld = false
    this.#next()
  }

  /** Drops what waits (all of it, or what `which` picks); what runs goes on. */
  drop(which: (command: Command) => boolean = () => true): void {
    for (const [deviceId, lane] of this.#waiting) {
      const dropped = lane.filter((entry) => which(entry.command))
      const kept = lane.filter((entry) => !dropped.includes(entry))
      if (kept.length > 0) this.#waiting.set(deviceId, kept)
      else {
        this.#waiting.delete(deviceId)
        this.#ready.delete(deviceId)
      }
      for (const entry of dropped) this.#end(entry, undefined)
    }
  }

  /** Resolves when no command keeps its device busy. */
  quiet(): Promise<void> {
    if (this.#busy.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenQuiet.push(resolve))
  }

  #next(): void {
    if (this.#isHeld) return
    for (const deviceId of this.#ready) {
      if (this.#busy.size >= this.#options.maxParallel) return
      this.#ready.delete(deviceId)
      const entry = this.#takeUnexpired(deviceId)
      if (entry) this.#carryOut(deviceId, entry)
    }
  }

  #takeUnexpired(deviceId: string): LaneEntry | undefined {
    const lane = this.#waiting.get(deviceId) ?? []
    for (;;) {
      const entry = lane.shift()
      if (lane.length === 0) this.#waiting.delete(deviceId)
      if (!entry || !this.#hasExpired(entry)) return entry
      this.#end(entry, EXPIRED)
    }
  }

  #hasExpired({ command }: LaneEntry): boolean {
    return command.expiresAtMs <= this.#options.clock.nowMs()
  }

  #carryOut(deviceId: string, entry: LaneEntry): void {
    const newer = new AbortController()
    const turn = { kind: entry.command.kind, newer }
    this.#busy.set(deviceId, turn)
    const letNext = (): void => {
      if (this.#busy.get(deviceId) === turn) this.#free(deviceId)
    }
    const carriedOut = (outcome: CommandOutcome): void => {
      this.#end(entry, outcome)
      letNext()
    }
    this.#outcome(entry.command, newer.signal, letNext).then(carriedOut, (error: unknown) =>
      carriedOut({ status: 'refused', detail: messageOf(error) }),
    )
  }

  async #outcome(command: Command, newer: AbortSignal, letNext: () => void): Promise<CommandOutcome> {
    return this.#options.run(command, newer, letNext)
  }

  #free(deviceId: string): void {
    this.#busy.delete(deviceId)
    if (this.#waiting.has(deviceId)) this.#ready.add(deviceId)
    this.#next()
    if (this.#busy.size === 0) for (const resolve of this.#whenQuiet.splice(0)) resolve()
  }

  #end(entry: LaneEntry, outcome: CommandOutcome | undefined): void {
    this.#size--
    entry.done(outcome)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
