/** What a connector is doing. `degraded` works in part (the log is away, a device is silent); `failed` waits for its restart. */
export type ConnectorState = 'created' | 'connecting' | 'running' | 'degraded' | 'failed' | 'stopped'

/** What a connector tells about itself over HTTP and metrics. Times are milliseconds since the epoch. */
export interface ConnectorStatus {
  readonly name: string
  readonly state: ConnectorState
  readonly sinceMs: number
  readonly lastError?: string
  readonly lastMessageMs?: number
  /** Messages that wait for the log or for the bus. */
  readonly queueLength: number
  readonly received: number
  readonly published: number
  readonly deadLetters: number
  readonly dropped: number
  readonly reconnects: number
}

/**
 * A bridge between a bus and the log. `start` resolves when the first connection stands; later losses are its own
 * business (back-off, reconnect). When it cannot go on by itself it calls `onFailure` once; the supervisor then calls `stop`
 * and, after a while, `start` again on the same object, as it does when `start` rejects.
 */
export interface Connector {
  readonly name: string
  start(onFailure: (error: Error) => void): Promise<void>
  /**
   * Takes nothing more in, finishes what is in flight, closes. Also called while `start` is pending (which then settles either
   * way), after a failure, and when nothing runs. Calls of `start` and `stop` do not overlap otherwise.
   */
  stop(): Promise<void>
  status(): ConnectorStatus
  /**
   * Between a failure and the next `start`: tells once when what was missing is there again, so that the wait can be cut short. The
   * answer stops looking.
   */
  watchReturn?(back: () => void): () => void
}
