interface Waiting {
  readonly owner: string
  readonly grant: () => void
}

/**
 * Who of the stream threads of a process has which task open. A task that moves from one thread to another is opened there when it is
 * closed here, and not before: its directory serves one at a time. First come, first served.
 */
export class TaskLocks {
  readonly #owners = new Map<string, string>()
  readonly #queues = new Map<string, Waiting[]>()

  /** Calls `grant` when the task is the owner's: now, or when those before it have let go. The answer gives it back, or up. */
  acquire(taskId: string, owner: string, grant: () => void): () => void {
    const waiting: Waiting = { owner, grant }
    const queue = this.#queues.get(taskId) ?? []
    this.#queues.set(taskId, queue)
    queue.push(waiting)
    if (queue[0] === waiting) this.#grant(taskId, waiting)
    return () => this.#leave(taskId, waiting)
  }

  /** The thread has ended, however it did: all that it had or waited for. */
  releaseAll(owner: string): void {
    for (const [taskId, queue] of [...this.#queues])
      for (const waiting of [...queue]) if (waiting.owner === owner) this.#leave(taskId, waiting)
  }

  /** Tasks that are open, or about to be. */
  get held(): ReadonlySet<string> {
    return new Set(this.#queues.keys())
  }

  ownerOf(taskId: string): string | undefined {
    return this.#owners.get(taskId)
  }

  #grant(taskId: string, waiting: Waiting): void {
    this.#owners.set(taskId, waiting.owner)
    waiting.grant()
  }

  #leave(taskId: string, waiting: Waiting): void {
    const queue = this.#queues.get(taskId)
    const at = queue?.indexOf(waiting) ?? -1
    if (queue === undefined || at < 0) return
    queue.splice(at, 1)
    if (at > 0) return
    const next = queue[0]
    if (next !== undefined) {
      this.#grant(taskId, next)
      return
    }
    this.#queues.delete(taskId)
    this.#owners.delete(taskId)
  }
}
