import { type Duration, durationMs } from '../../../common/duration.ts'
import { InvalidArgumentError } from '../../../common/errors.ts'

export interface WindowCloseOptions {
  /**
   * What moves time while nothing comes: when no record has reached the operator for this long by the wall clock, its stream time goes
   * on with the wall clock, so that windows close without another record. Choose it longer than records are ever late on their way: what
   * comes for a window that was closed so is late. Absent: only records move time, as in Kafka Streams.
   */
  readonly idleTimeout?: Duration
}

/**
 * When a windowed aggregation says what it has: at every update, or once, when the window has closed and no record can change it any
 * more. The same for time windows, sliding windows and sessions.
 * @see org.apache.kafka.streams.kstream.EmitStrategy (KIP-825)
 */
export class EmitStrategy {
  readonly type: 'on-window-update' | 'on-window-close'
  readonly idleTimeoutMs: number | undefined

  private constructor(type: EmitStrategy['type'], idleTimeoutMs?: number) {
    this.type = type
    this.idleTimeoutMs = idleTimeoutMs
  }

  /** Every update, or with the record cache the last one of each window per commit (default). */
  static onWindowUpdate(): EmitStrategy {
    return new EmitStrategy('on-window-update')
  }

  /**
   * One result per window, after its end and grace. Looked for when a record comes, at most once per second of the wall clock; the record
   * cache is off. How far results went is committed beside the offsets: after a restart they go on from there.
   * @throws {InvalidArgumentError} when the idle timeout is not positive.
   */
  static onWindowClose({ idleTimeout }: WindowCloseOptions = {}): EmitStrategy {
    if (idleTimeout === undefined) return new EmitStrategy('on-window-close')
    const idleTimeoutMs = durationMs(idleTimeout, 'idle timeout')
    if (idleTimeoutMs <= 0) throw new InvalidArgumentError(`the idle timeout must be positive, got ${idleTimeoutMs} ms`)
    return new EmitStrategy('on-window-close', idleTimeoutMs)
  }
}
