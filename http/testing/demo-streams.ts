import { serdes } from '../../common/serde.ts'
import type { Occupancy, Reading, RoomAverage, Statistic } from '../../schemas/types.ts'
import {
  type StoreInfo,
  StreamsBuilder,
  TimeWindows,
  TopologyTestDriver,
  UnknownStoreError,
} from '../../streams/index.ts'
import type { QueriesView, StreamsView } from '../streams-view.ts'
import { demoQuery } from './demo-query.ts'

const WINDOW_MS = 300_000
const APPLICATION_ID = 'demo'

/** A stream application without Kafka, on one partition, with the stores that the page reads. */
export interface DemoStreams extends StreamsView {
  /** Gives the window that the reading fell into, as it is now. */
  measure(reading: Reading): RoomAverage
  setOccupancy(occupancy: Occupancy): void
  close(): Promise<void>
}

type Average = { -readonly [N in keyof RoomAverage]: RoomAverage[N] }
const reading = serdes.json<Reading>()
const average = serdes.json<Average>()
const occupancy = serdes.json<Occupancy>()

export async function createDemoStreams(nowMs: number): Promise<DemoStreams> {
  const builder = new StreamsBuilder()
  builder
    .stream('building.readings', { key: serdes.string, value: reading })
    .groupByKey()
    .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW_MS, '1m'))
    .aggregate(emptyAverage, addReading, { store: 'room-averages', value: average, retention: '1d' })
  builder.table('building.occupancy', { key: serdes.string, value: occupancy, store: 'occupancy' })
  const topology = builder.build()
  const driver = await TopologyTestDriver.create(topology, { applicationId: APPLICATION_ID, initialWallClockMs: nowMs })
  const readings = driver.createInputTopic('building.readings', { key: serdes.string, value: reading })
  const changes = driver.createInputTopic('building.occupancy', { key: serdes.string, value: occupancy })
  const { subtopologies } = topology.describe()
  const taskOf = (store: string) => `${subtopologies.find((s) => s.nodes.some((n) => n.stores?.includes(store)))?.id}_0`
  const infos = [...topology.stores.values()].map(
    ({ name, type, persistent, keySerde, valueSerde, windowSizeMs, retentionMs }): StoreInfo => ({
      name,
      type,
      persistent,
      global: false,
      keySerde: keySerde.name,
      valueSerde: valueSerde.name,
      ...(windowSizeMs === undefined ? {} : { windowSizeMs }),
      ...(retentionMs === undefined ? {} : { retentionMs }),
      partitions: 1,
      tasks: [taskOf(name)],
    }),
  )
  const names = infos.map(({ name }) => name)
  const info = (name: string): StoreInfo => {
    const found = infos.find((i) => i.name === name)
    if (found === undefined) throw new UnknownStoreError(name, names)
    return found
  }
  const tasks = [...new Set(infos.flatMap((i) => i.tasks))]
  const queries: QueriesView = {
    stores: () => infos,
    store: info,
    builder: (name) => topology.stores.get(info(name).name) as ReturnType<QueriesView['builder']>,
    serdeTopic: (name) => `${APPLICATION_ID}-${name}-changelog`,
    positionTopics: () => ['building.readings'],
    keyValueStore: (name) => driver.getKeyValueStore(name),
    query: (request) => demoQuery(driver, request),
    waitFor: async () => true,
    follow: () => {
      throw new UnknownStoreError('of the demo that can be followed', [])
    },
    metadataForKey: (store) => ownerOf(store, taskOf(store)),
    metadataForPartition: (store) => ownerOf(store, taskOf(store)),
    instances: () => [{ endpoint: undefined, local: true, tasks, stores: names, standbyTasks: [] }],
    allLocalStorePartitionLags: async () => new Map(),
  }
  const averages = driver.getWindowStore<string, RoomAverage>('room-averages')
  return {
    state: 'RUNNING',
    applicationId: APPLICATION_ID,
    processId: 'demo',
    describe: () => topology.describe(),
    tasks: () =>
      tasks.map((taskId) => ({
        taskId,
        state: 'running',
        inputs: [],
        stores: infos.filter((i) => i.tasks.includes(taskId)).map((i) => i.name),
        buffered: 0,
        offsets: [],
        restores: [],
      })),
    standbyTasks: () => [],
    queries,
    measure: (measured) => {
      readings.pipeInput(measured.roomId, measured, measured.eventTimeMs)
      const windowStartMs = startOf(measured.eventTimeMs)
      return structuredClone(averages.get(measured.roomId, windowStartMs) as RoomAverage)
    },
    setOccupancy: (value) => changes.pipeInput(value.roomId, value, value.since),
    close: () => driver.close(),
  }
}

function ownerOf(store: string, taskId: string): ReturnType<QueriesView['metadataForKey']> {
  return { store, taskId, partition: 0, endpoint: undefined, local: true, standbys: [] }
}

function startOf(timeMs: number): number {
  return timeMs - (timeMs % WINDOW_MS)
}

function emptyAverage(): Average {
  return { roomId: '', windowStartMs: 0, windowEndMs: 0, temperature: null, humidity: null, luminance: null }
}

function addReading(sum: Average, { kind, value, eventTimeMs }: Reading, roomId: string): Average {
  const windowStartMs = startOf(eventTimeMs)
  const next = { ...sum, roomId, windowStartMs, windowEndMs: windowStartMs + WINDOW_MS }
  if (kind === 'temperature' || kind === 'humidity' || kind === 'luminance') next[kind] = addValue(sum[kind], value)
  return next
}

function addValue(sum: Statistic | null, value: number): Statistic {
  if (sum === null) return { count: 1, mean: value, min: value, max: value }
  const count = sum.count + 1
  const mean = sum.mean + (value - sum.mean) / count
  return { count, mean, min: Math.min(sum.min, value), max: Math.max(sum.max, value) }
}
