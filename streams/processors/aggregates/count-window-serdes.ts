import { SerdeError } from '../../../common/errors.ts'
import type { Serde } from '../../../common/serde.ts'
import { readInt64, writeInt64 } from '../../../stores/shared/bytes.ts'

/** A window of so many records of one key, full or on its way there. */
export interface CountWindow<A> {
  /** 0 for the key's first window. */
  readonly number: number
  /** Records in it so far. */
  readonly count: number
  readonly isFull: boolean
  /** Lowest and highest time of its records, both inclusive; they need not be those of the first and the last. */
  readonly startMs: number
  readonly endMs: number
  readonly value: A
}

/** A window that is not full yet. */
export interface OpenWindow<A> {
  startMs: number
  endMs: number
  value: A | null
}

/** What is kept of a key. */
export interface CountState<A> {
  /** Records so far. */
  seen: number
  /** Number of the first window that is not full. */
  firstNumber: number
  readonly windows: OpenWindow<A>[]
}

const RESULT_BYTES = 29
const STATE_BYTES = 20
const WINDOW_BYTES = 20

/** int64 number | int32 count | 1 if full, else 0 (1 byte) | int64 start | int64 end | value. */
export function countWindowSerde<A>(value: Serde<A>): Serde<CountWindow<A>> {
  return {
    name: `count-window(${value.name})`,
    serialize(window, topic, headers) {
      const payload = value.serialize(window.value, topic, headers)
      const data = Buffer.allocUnsafe(RESULT_BYTES + payload.length)
      const at = data.writeUInt8(
        window.isFull ? 1 : 0,
        data.writeInt32BE(window.count, writeInt64(data, window.number, 0)),
      )
      data.set(payload, writeInt64(data, window.endMs, writeInt64(data, window.startMs, at)))
      return data
    },
    deserialize(data, topic, headers) {
      if (data.length < RESULT_BYTES)
        throw new SerdeError(`a count window needs at least ${RESULT_BYTES} bytes, got ${data.length}`)
      return {
        number: readInt64(data, 0),
        count: data.readInt32BE(8),
        isFull: data[12] === 1,
        startMs: readInt64(data, 13),
        endMs: readInt64(data, 21),
        value: value.deserialize(data.subarray(RESULT_BYTES), topic, headers),
      }
    },
    ...(value.prepare ? { prepare: value.prepare.bind(value) } : {}),
  }
}

/** int64 seen | int64 number of the first window | int32 windows | per window: int64 start | int64 end | int32 length, -1 for none | value. */
export function countStateSerde<A>(value: Serde<A>): Serde<CountState<A>> {
  return {
    name: `count-window-state(${value.name})`,
    serialize({ seen, firstNumber, windows }, topic, headers) {
      const payloads = windows.map((w) => (w.value === null ? null : value.serialize(w.value, topic, headers)))
      const size = payloads.reduce((sum, payload) => sum + WINDOW_BYTES + (payload?.length ?? 0), STATE_BYTES)
      const data = Buffer.allocUnsafe(size)
      let at = data.writeInt32BE(windows.length, writeInt64(data, firstNumber, writeInt64(data, seen, 0)))
      for (const [i, { startMs, endMs }] of windows.entries()) {
        const payload = payloads[i] ?? null
        at = writeInt64(data, endMs, writeInt64(data, startMs, at))
        at = data.writeInt32BE(payload?.length ?? -1, at)
        if (payload === null) continue
        data.set(payload, at)
        at += payload.length
      }
      return data
    },
    deserialize(data, topic, headers) {
      try {
        const windows: OpenWindow<A>[] = []
        let at = STATE_BYTES
        for (let left = data.readInt32BE(16); left > 0; left--) {
          const length = data.readInt32BE(at + 16)
          const from = at + WINDOW_BYTES
          const to = from + Math.max(0, length)
          if (to > data.length) throw new RangeError('a value goes beyond the end')
          windows.push({
            startMs: readInt64(data, at),
            endMs: readInt64(data, at + 8),
            value: length < 0 ? null : value.deserialize(data.subarray(from, to), topic, headers),
          })
          at = to
        }
        return { seen: readInt64(data, 0), firstNumber: readInt64(data, 8), windows }
      } catch (cause) {
        if (cause instanceof RangeError) throw new SerdeError('not the state of count windows', { cause })
        throw cause
      }
    },
    ...(value.prepare ? { prepare: value.prepare.bind(value) } : {}),
  }
}
