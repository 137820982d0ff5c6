import { describe, expect, it } from 'vitest'
import { SerdeError, SerdeNotReadyError } from '../../../common/errors.ts'
import { EMPTY_HEADERS } from '../../../common/record.ts'
import { type Serde, serdes } from '../../../common/serde.ts'
import type { LogRecord } from '../../../kafka/port.ts'
import type { SourceNode, TimestampExtractor } from '../../topology-nodes.ts'
import { RecordQueue } from './record-queue.ts'

const picky: Serde<string> = {
  name: 'picky',
  serialize: serdes.string.serialize,
  deserialize(data) {
    const text = data.toString()
    if (text === 'bad') throw new SerdeError('bad bytes')
    return text
  },
}

function queue(
  options: {
    value?: Serde<string>
    extractor?: TimestampExtractor
    onError?: (raw: LogRecord, error: Error) => void
  } = {},
) {
  const dropped: string[] = []
  const unblocked: string[] = []
  const source: SourceNode = {
    kind: 'source',
    name: 'source',
    topics: ['t'],
    keySerde: serdes.string,
    valueSerde: (options.value ?? picky) as Serde<unknown>,
    timestampExtractor: options.extractor,
    offsetReset: undefined,
  }
  const records = new RecordQueue(source, 't', 3, {
    onUnreadable: options.onError ?? (() => {}),
    onDrop: (reason, raw) => void dropped.push(`${reason}@${raw.offset}`),
    onUnblocked: () => void unblocked.push('unblocked'),
  })
  let offset = 0
  const add = (...values: (string | readonly [string, number])[]): void => {
    const batch = values.map((entry) => {
      const [value, timestampMs] = typeof entry === 'string' ? [entry, offset] : entry
      return { key: null, value: Buffer.from(value), timestampMs, headers: EMPTY_HEADERS, offset: offset++ }
    })
    records.add({ topic: 't', partition: 3, records: batch, nextOffset: offset + 5 })
    offset += 5
  }
  return { records, add, dropped, unblocked }
}

describe('RecordQueue', () => {
  it('hands out heads in offset order, over batches', () => {
    const { records, add } = queue()
    add('a', 'b')
    add('c')
    const seen: unknown[] = []
    for (; records.head !== undefined; records.take()) seen.push([records.head.value, records.headOffset, records.size])
    expect(seen).toEqual([
      ['a', 0, 3],
      ['b', 1, 2],
      ['c', 7, 1],
    ])
    expect(records.size).toBe(0)
  })

  it('stands at the offset of its head, or after everything it was given (gaps included)', () => {
    const { records, add } = queue()
    records.startAt(40)
    expect(records.positionOffset).toBe(40)
    add('a', 'b')
    expect(records.positionOffset).toBe(0)
    records.take()
    expect(records.positionOffset).toBe(1)
    records.take()
    expect(records.positionOffset).toBe(7)
  })

  it('stands after the last record when all of them were unreadable', () => {
    const { records, add, dropped } = queue()
    add('bad', 'bad')
    expect([records.head, records.size, records.positionOffset]).toEqual([undefined, 0, 7])
    expect(dropped).toEqual(['deserialization-error@0', 'deserialization-error@1'])
  })

  it('decodes a record only when it becomes head', () => {
    const decoded: string[] = []
    const value: Serde<string> = {
      ...picky,
      deserialize(data) {
        decoded.push(data.toString())
        return data.toString()
      },
    }
    const { records, add } = queue({ value })
    add('a', 'b')
    expect(decoded).toEqual(['a'])
    records.take()
    expect(decoded).toEqual(['a', 'b'])
  })

  it('stops at an unreadable record when the hook throws, and gives it the bytes', () => {
    const failures: LogRecord[] = []
    const { add } = queue({
      onError: (raw, error) => {
        failures.push(raw)
        throw error
      },
    })
    expect(() => add('bad')).toThrow(SerdeError)
    expect(failures[0]).toMatchObject({ offset: 0, value: Buffer.from('bad') })
  })

  it('treats what a timestamp extractor throws as a record that cannot be read', () => {
    const reasons: string[] = []
    const { records, add, dropped } = queue({
      extractor: ({ value, timestampMs }) => {
        if (value === 'odd') throw new Error('no time in it')
        return timestampMs
      },
      onError: (_raw, error) => void reasons.push(error.message),
    })
    add('odd', 'a')
    expect(reasons).toEqual(['no time in it'])
    expect(dropped).toEqual(['deserialization-error@0'])
    expect(records.head?.value).toBe('a')
  })

  it('drops a record with a negative extracted time, and refuses one without an extractor', () => {
    const { records, add, dropped } = queue({ extractor: ({ value }) => (value === 'never' ? -1 : 7) })
    add('never', 'a')
    expect(dropped).toEqual(['invalid-timestamp@0'])
    expect(records.head?.timestampMs).toBe(7)
    const refusing = queue({
      onError: (_raw, error) => {
        throw error
      },
    })
    expect(() => refusing.add(['a', -1])).toThrow(/t-3@0 has the invalid timestamp -1/)
  })

  it('tells the extractor the highest time so far of its partition', () => {
    const seen: number[] = []
    const { records, add } = queue({
      extractor: (record, partitionTimeMs) => {
        seen.push(partitionTimeMs)
        return record.timestampMs
      },
    })
    add(['a', 5], ['b', 3], ['c', 9], ['d', 1])
    while (records.head !== undefined) records.take()
    expect(seen).toEqual([-1, 5, 5, 9])
    expect(records.partitionTimeMs).toBe(9)
  })

  it('waits for a schema, and goes on with the same record when it is there', async () => {
    let ready = false
    const wait = Promise.withResolvers<void>()
    const value: Serde<string> = {
      ...picky,
      deserialize(data) {
        if (!ready) throw new SerdeNotReadyError('no schema yet', wait.promise)
        return data.toString()
      },
    }
    const { records, add, unblocked, dropped } = queue({ value })
    add('a', 'b')
    expect([records.head, records.blocked, records.size, records.positionOffset]).toEqual([undefined, true, 2, 0])
    ready = true
    wait.resolve()
    await wait.promise
    await Promise.resolve()
    expect(unblocked).toEqual(['unblocked'])
    records.retryHead()
    expect([records.head?.value, dropped]).toEqual(['a', []])
  })

  it('forgets what is buffered, and answers for it that come later', async () => {
    const wait = Promise.withResolvers<void>()
    const value: Serde<string> = {
      ...picky,
      deserialize() {
        throw new SerdeNotReadyError('no schema yet', wait.promise)
      },
    }
    const { records, add, unblocked } = queue({ value })
    add('a')
    records.clear()
    wait.resolve()
    await wait.promise
    await Promise.resolve()
    expect([records.size, records.blocked, unblocked]).toEqual([0, false, []])
  })
})
