import { describe, expect, it } from 'vitest'
import type { Serde } from '../../common/serde.ts'
import { JoinWindows, StreamsBuilder, serdes, TimeWindows, TopologyTestDriver, Windowed } from '../index.ts'

interface Room {
  readonly house: string
  readonly number: number
}

/** Writes only to topics that were prepared, as a serde with a schema registry does. */
function strict<T>(name: string): Serde<T> {
  const prepared = new Set<string>()
  return {
    name,
    async prepare(topic) {
      prepared.add(topic)
    },
    serialize(value, topic) {
      if (!prepared.has(topic)) throw new Error(`${name} was not prepared for topic ${JSON.stringify(topic)}`)
      return Buffer.from(JSON.stringify(value))
    },
    deserialize: (data) => JSON.parse(data.toString()) as T,
  }
}

const input = { key: serdes.json<Room>(), value: serdes.json<number[]>() }
const room: Room = { house: 'h', number: 7 }

describe('serdes are used for topics that they were prepared for', () => {
  it.each([10_000_000, 0])(
    'in every operator, with keys and values that are objects (cache: %i)',
    async (cacheMaxBytes) => {
      const key = strict<Room>('key')
      const value = strict<number[]>('value')
      const both = { key, value }
      const add = (a: number[], v: number[]): number[] => {
        a.push(...v)
        return a
      }
      const keys = { key: serdes.json<Room>(), value: serdes.json<number[]>() }
      const b = new StreamsBuilder()
      const source = b.stream('in', keys)
      const other = b.stream('other', keys)
      const sums = source.groupByKey(both).aggregate<number[]>(() => [], add, { store: 'sums', key, value })
      sums
        .groupBy((v, k) => [k, v], both)
        .reduce(add, (a, v) => a.slice(v.length), { store: 'groups' })
        .toStream()
        .to('groups-out', both)
      const windows = source
        .groupByKey(both)
        .windowedBy(TimeWindows.ofSizeAndGrace(10, 10).advanceBy(5))
        .reduce(add, { store: 'windows' })
      windows
        .filter(() => true, { store: 'kept-windows' })
        .toStream()
        .to('windows-out')
      windows
        .join(
          windows.mapValues((v) => v, { store: 'mapped', value }),
          (a, c) => [...a, ...c],
          { store: 'wj', value },
        )
        .toStream()
        .to('wj-out')
      const rows = other.toTable({ store: 'rows', ...both })
      rows
        .leftJoin(sums, (a, c) => [...a, ...(c ?? [])], { store: 'tj', value })
        .toStream()
        .to('tj-out')
      source.leftJoin(sums, (a, c) => [...a, ...(c ?? [])], both).toTable({ store: 'joined', ...both })
      source
        .selectKey((_v, k) => k)
        .outerJoin(other, (a, c) => [...(a ?? []), ...(c ?? [])], JoinWindows.ofTimeDifferenceAndGrace(5, 1), {
          ...both,
          otherValue: value,
          store: 'oj',
        })
        .to('oj-out', both)
      const driver = await TopologyTestDriver.create(b.build(), { cacheMaxBytes })
      for (let i = 0; i < 12; i++) {
        driver.createInputTopic('in', input).pipeInput(room, [i], i)
        driver.createInputTopic('other', input).pipeInput({ ...room, number: i % 2 }, [i], i * 2)
      }
      const last = (topic: string) => driver.createOutputTopic(topic, input).readRecords().at(-1)?.value
      expect(last('groups-out')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
      expect(driver.getWindowStore<Room, number[]>('windows').get(room, 5)).toEqual([5, 6, 7, 8, 9, 10, 11])
      const kept = driver.getKeyValueStore<Windowed<Room>, number[]>('kept-windows')
      expect(kept.get(new Windowed(room, 5, 15))).toEqual([5, 6, 7, 8, 9, 10, 11])
      expect(last('oj-out')).toBeDefined()
      await driver.close()
    },
  )
})

describe('windowed keys', () => {
  it('go through every operator', async () => {
    const text = { key: serdes.string, value: serdes.string }
    const b = new StreamsBuilder()
    const windows = b
      .stream('in', text)
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeWithNoGrace(10))
      .reduce((a, v) => a + v)
    const rows = windows
      .toStream()
      .filter((_v, k) => k.endMs > 0)
      .mapValues((v, k) => `${v}@${k.startMs}`)
      .toTable({ store: 'rows', value: serdes.string })
    windows
      .toStream()
      .join(rows, (v, row) => `${v} ${row}`)
      .repartition({ value: serdes.string })
      .groupByKey()
      .reduce((_a, v) => v, { store: 'last' })
      .toStream((v, k) => `${k.key} ${k.startMs}-${k.endMs} ${v}`)
      .to('out', text)
    const driver = await TopologyTestDriver.create(b.build())
    const topic = driver.createInputTopic('in', text)
    topic.pipeInput('a', 'x', 3)
    topic.pipeInput('a', 'y', 12)
    topic.pipeInput('a', 'z', 14)
    expect(
      driver
        .createOutputTopic('out', text)
        .readRecords()
        .map((r) => r.key),
    ).toEqual(['a 0-10 x x@0', 'a 10-20 y y@10', 'a 10-20 yz yz@10'])
    await driver.close()
  })
})
