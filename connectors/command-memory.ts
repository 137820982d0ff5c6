import type { CommandResult } from '../schemas/types.ts'

/** What is known of a command that was seen: `result` once it has ended, `written` once that is in the log. */
export interface KnownCommand {
  partition: number
  result?: CommandResult
  written: boolean
  /** Called once `written`. */
  whenWritten: (() => void)[]
}

/**
 * The commands seen of late, so that none is carried out twice. Bounded: past `capacity` the oldest of those whose result is
 * in the log are forgotten; those that still run never are.
 */
export class CommandMemory {
  readonly #capacity: number
  readonly #known = new Map<string, KnownCommand>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get(commandId: string): KnownCommand | undefined {
    return this.#known.get(commandId)
  }

  add(commandId: string, partition: number): KnownCommand {
    const known: KnownCommand = { partition, written: false, whenWritten: [] }
    this.#known.set(commandId, known)
    if (this.#known.size > this.#capacity) this.#forgetOne()
    return known
  }

  forget(commandId: string): void {
    this.#known.delete(commandId)
  }

  /** The result is in the log. */
  written(known: KnownCommand): void {
    known.written = true
    for (const tell of known.whenWritten.splice(0)) tell()
  }

  #forgetOne(): void {
    for (const [commandId, known] of this.#known) {
      if (!known.written) continue
      this.#known.delete(commandId)
      return
    }
  }
}
