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
  /** Carries one command out. A rejection counts as `refused`. */
  readonly run: (command: Command) => Promise<CommandOutcome>
  readonly clock: Clock
  /** Most devices that are busy at a time. */
  readonly maxParallel: number
}

/**
 * One queue per device. A device does one command at a time, in order; devices run side by side up to a bound. A command that
 * waits is superseded by a newer one for the same device and kind; one that has expired when its turn comes is not carried out.
 */
export class CommandLanes {
  readonly #options: LanesOptions
  readonly #waiting = new Map<string, LaneEntry[]>()
  readonly #busy = new Set<string>()
  readonly #ready = new Set<string>()
  #size = 0
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
    const lane = this.#waiting.get(deviceId) ?? []
    this.#waiting.set(deviceId, lane)
    const older = lane.findIndex((waiting) => waiting.command.kind === kind)
    this.#size++
    const superseded = older < 0 ? undefined : lane.splice(older, 1)[0]
    lane.push(entry)
    if (superseded) this.#end(superseded, { status: 'superseded', detail: `by command ${entry.command.commandId}` })
    if (!this.#busy.has(deviceId)) this.#ready.add(deviceId)
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

  /** Resolves when no command runs. */
  quiet(): Promise<void> {
    if (this.#busy.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenQuiet.push(resolve))
  }

  #next(): void {
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
      if (!entry || entry.command.expiresAtMs > this.#options.clock.nowMs()) return entry
      this.#end(entry, { status: 'expired', detail: 'its time was over before it could be sent' })
    }
  }

  #carryOut(deviceId: string, entry: LaneEntry): void {
    this.#busy.add(deviceId)
    this.#outcome(entry.command).then(
      (outcome) => this.#carriedOut(deviceId, entry, outcome),
      (error: unknown) => this.#carriedOut(deviceId, entry, { status: 'refused', detail: messageOf(error) }),
    )
  }

  async #outcome(command: Command): Promise<CommandOutcome> {
    return this.#options.run(command)
  }

  #carriedOut(deviceId: string, entry: LaneEntry, outcome: CommandOutcome): void {
    this.#busy.delete(deviceId)
    if (this.#waiting.has(deviceId)) this.#ready.add(deviceId)
    this.#end(entry, outcome)
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
