import { type Duration, durationMs } from '../../common/duration.ts'
import { InvalidArgumentError } from '../../common/errors.ts'
import type { SuppressSettings } from '../processors/tables/suppress.ts'
import type { Windowed } from '../record.ts'

interface Limits {
  readonly maxRecords: number
  readonly maxBytes: number
  /** `undefined`: no changelog. */
  readonly changelogConfigs: Readonly<Record<string, string>> | undefined
}

const NO_LIMITS: Limits = {
  maxRecords: Number.POSITIVE_INFINITY,
  maxBytes: Number.POSITIVE_INFINITY,
  changelogConfigs: {},
}

/**
 * How much a suppression may hold back. The limits are passed by the update that is one too many, not by the last that fits.
 * @see org.apache.kafka.streams.kstream.Suppressed.BufferConfig
 */
export class BufferConfig<Kind extends 'strict' | 'eager'> {
  /** `strict` never sends anything before its time. */
  readonly kind: Kind
  readonly maxRecords: number
  readonly maxBytes: number
  readonly changelogConfigs: Readonly<Record<string, string>> | undefined

  private constructor(kind: Kind, limits: Limits) {
    this.kind = kind
    this.maxRecords = limits.maxRecords
    this.maxBytes = limits.maxBytes
    this.changelogConfigs = limits.changelogConfigs
  }

  /** At most this many keys; beyond that the earliest are sent on, unless {@link shutDownWhenFull}. */
  static maxRecords(records: number): EagerBufferConfig {
    return new BufferConfig('eager', NO_LIMITS).withMaxRecords(records)
  }

  /** At most this many bytes, counted as Kafka Streams does: keys, values, times, headers and topic names. Every update is encoded to be counted. */
  static maxBytes(bytes: number): EagerBufferConfig {
    return new BufferConfig('eager', NO_LIMITS).withMaxBytes(bytes)
  }

  /** As much as there is memory for; nothing is sent before its time. @see Suppressed.BufferConfig#unbounded */
  static unbounded(): StrictBufferConfig {
    return new BufferConfig('strict', NO_LIMITS)
  }

  /** The same with another limit of keys. @see Suppressed.BufferConfig#withMaxRecords */
  withMaxRecords(maxRecords: number): BufferConfig<Kind> {
    return new BufferConfig(this.kind, { ...this, maxRecords: limit(maxRecords, 'records') })
  }

  /** The same with another limit of bytes. @see Suppressed.BufferConfig#withMaxBytes */
  withMaxBytes(maxBytes: number): BufferConfig<Kind> {
    return new BufferConfig(this.kind, { ...this, maxBytes: limit(maxBytes, 'bytes') })
  }

  /** The same without limits; its changelog stays as it is. @see Suppressed.BufferConfig#withNoBound */
  withNoBound(): StrictBufferConfig {
    const { changelogConfigs } = this
    return new BufferConfig('strict', { ...NO_LIMITS, changelogConfigs })
  }

  /** Past a limit the application stops with a {@link SuppressBufferFullError}: nothing is sent before its time. */
  shutDownWhenFull(): StrictBufferConfig {
    return new BufferConfig('strict', this)
  }

  /** Past a limit the earliest updates are sent on before their time. */
  emitEarlyWhenFull(): EagerBufferConfig {
    return new BufferConfig('eager', this)
  }

  /** No changelog: what waits is lost when the task moves or the process ends. */
  withLoggingDisabled(): BufferConfig<Kind> {
    return new BufferConfig(this.kind, { ...this, changelogConfigs: undefined })
  }

  /** With a changelog (default), and topic configs for it. */
  withLoggingEnabled(changelogConfigs: Readonly<Record<string, string>> = {}): BufferConfig<Kind> {
    return new BufferConfig(this.kind, { ...this, changelogConfigs })
  }
}

export type StrictBufferConfig = BufferConfig<'strict'>
export type EagerBufferConfig = BufferConfig<'eager'>

export interface UntilWindowClosesOptions {
  /**
   * What moves time while nothing comes: when no update has reached the suppression for this long by the wall clock, its stream time goes
   * on with the wall clock. What comes for a window that was closed so is dropped and counted as late: choose it longer than records are
   * ever late on their way and, where the table above has the record cache, longer than the commit interval. Absent: only records move
   * time, as in Kafka Streams.
   */
  readonly idleTimeout?: Duration
}

/**
 * What `KTable.suppress` holds back, and until when; all time is stream time.
 * @see org.apache.kafka.streams.kstream.Suppressed (KIP-328)
 */
export class Suppressed<in K> {
  /** Keys that it is made for. */
  declare readonly accepts?: (key: K) => void
  readonly buffer: BufferConfig<'strict' | 'eager'>
  /** `undefined`: until the window of the key closes. */
  readonly waitMs: number | undefined
  readonly idleTimeoutMs: number | undefined

  private constructor(
    buffer: BufferConfig<'strict' | 'eager'>,
    waitMs: number | undefined,
    idleTimeoutMs: number | undefined,
  ) {
    this.buffer = buffer
    this.waitMs = waitMs
    this.idleTimeoutMs = idleTimeoutMs
  }

  /**
   * Each update waits this long, counted from its own time; newer ones of its key take its place meanwhile, and do not make it longer.
   * With 0 nothing waits. @throws {InvalidArgumentError} for a negative duration.
   */
  static untilTimeLimit(duration: Duration, buffer: BufferConfig<'strict' | 'eager'>): Suppressed<unknown> {
    const waitMs = durationMs(duration, 'time to wait for more updates')
    if (waitMs < 0) throw new InvalidArgumentError(`the time to wait must not be negative, got ${waitMs} ms`)
    return new Suppressed<unknown>(buffer, waitMs, undefined)
  }

  /**
   * One result per key and window, when the window has closed: its end and the grace of the aggregation have passed. Deletions are
   * not sent: nothing was sent before. With `idleTimeout` windows close in silence too.
   * @throws {InvalidArgumentError} when the buffer may send early, or the idle timeout is not positive.
   */
  static untilWindowCloses(
    buffer: StrictBufferConfig,
    { idleTimeout }: UntilWindowClosesOptions = {},
  ): Suppressed<Windowed<unknown>> {
    const idleTimeoutMs = idleTimeout === undefined ? undefined : durationMs(idleTimeout, 'idle timeout')
    if (idleTimeoutMs !== undefined && idleTimeoutMs <= 0)
      throw new InvalidArgumentError(`the idle timeout must be positive, got ${idleTimeoutMs} ms`)
    if (buffer.kind !== 'strict')
      throw new InvalidArgumentError(
        'untilWindowCloses needs a buffer that never sends early: shutDownWhenFull() or unbounded()',
      )
    return new Suppressed<Windowed<unknown>>(buffer, undefined, idleTimeoutMs)
  }
}

/** `graceMs`: of the aggregation that the windows come from. */
export function suppressSettings(suppressed: Suppressed<never>, graceMs: () => number): SuppressSettings {
  const { waitMs, buffer } = suppressed
  return {
    waitMs: waitMs ?? graceMs(),
    untilWindowCloses: waitMs === undefined,
    maxRecords: buffer.maxRecords,
    maxBytes: buffer.maxBytes,
    idleTimeoutMs: suppressed.idleTimeoutMs,
    whenFull: buffer.kind === 'eager' ? 'emit' : 'shut-down',
  }
}

function limit(value: number, of: string): number {
  if (!(value >= 0)) throw new InvalidArgumentError(`a buffer cannot be limited to ${value} ${of}`)
  return value
}
