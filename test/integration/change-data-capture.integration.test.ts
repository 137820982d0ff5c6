import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, describe as group, test } from 'vitest'
import type { Serde } from '../../common/serde.ts'
import { whenReady } from '../../connectors/pause.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider, LogRecord } from '../../kafka/port.ts'
import { avro, avroString } from '../../schemas/avro-serde.ts'
import { defineAvroType } from '../../schemas/avro-type.ts'
import { RegistryClient } from '../../schemas/registry-client.ts'
import { Reading } from '../../schemas/types.ts'
import { KafkaStreams, StreamsBuilder, serdes } from '../../streams/index.ts'
import { eventually } from '../e2e/eventually.ts'
import { readCommitted } from '../fault/committed.ts'
import { DirectoryServer } from './directory-server.ts'

const BROKERS = process.env['BROOK_TEST_BROKERS'] as string
const REGISTRY = process.env['BROOK_TEST_REGISTRY'] as string
const PARTITIONS = 4

/** A row of `brook.rooms`. What it does not name of the row is not read. */
interface RoomRow {
  readonly id: string
  readonly name: string
  readonly floor: string | null
  readonly area: string | null
  readonly heated: boolean
  readonly changedAtMs: number | null
  readonly __op: string | null
}

const RoomRow = defineAvroType<RoomRow>({
  type: 'record',
  name: 'Value',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'name', type: 'string' },
    { name: 'floor', type: ['null', 'string'], default: null },
    { name: 'area', type: ['null', 'string'], default: null },
    { name: 'heated', type: 'boolean' },
    {
      name: 'changedAtMs',
      aliases: ['changed_at'],
      type: ['null', { type: 'long', logicalType: 'timestamp-millis' }],
      default: null,
    },
    { name: '__op', type: ['null', 'string'], default: null },
  ],
})

interface DeviceRow {
  readonly id: string
  readonly room_id: string
}

const DeviceRow = defineAvroType<DeviceRow>({
  type: 'record',
  name: 'Value',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'room_id', type: 'string' },
  ],
})

const TABLES = `
  CREATE TABLE rooms (
    id VARCHAR(64) PRIMARY KEY, name VARCHAR(200) NOT NULL, floor VARCHAR(16), area DECIMAL(8, 2),
    heated BOOLEAN NOT NULL DEFAULT TRUE, changed_at DATETIME(3));
  CREATE TABLE devices (id VARCHAR(64) PRIMARY KEY, room_id VARCHAR(64) NOT NULL, name VARCHAR(200));
  INSERT INTO rooms VALUES ('kitchen', 'Küche', '1', 12.50, TRUE, '2026-01-01 12:00:00.123');
  INSERT INTO rooms (id, name) VALUES ('attic', 'Attic');
  INSERT INTO devices VALUES ('sensor-1', 'kitchen', 'by the window'), ('sensor-2', 'attic', 'gone soon');`

const never = new AbortController().signal

let root: string
let kafka: KafkaProvider
let registry: RegistryClient
let directory: DirectoryServer
const name = `cdc-${Date.now()}`

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'brook-cdc-'))
  kafka = createKafkaProvider({ brokers: BROKERS.split(',') })
  registry = new RegistryClient({ url: REGISTRY })
  directory = await DirectoryServer.start({ directory: root, name, brokers: BROKERS, registry: REGISTRY }, TABLES)
})
afterAll(async () => {
  await directory?.stop()
  registry?.close()
  await kafka?.close()
  await rm(root, { recursive: true, force: true })
})

const key = () => avroString({ registry })
const roomRows = () => avro(RoomRow, { registry })

/** The changes of a table so far, by their key and in their order. */
async function changes<T>(table: string, value: Serde<T>): Promise<Map<string, (T | null)[]>> {
  const topic = directory.topic(table)
  const keySerde = key()
  const found = new Map<string, (T | null)[]>()
  const read = async (record: LogRecord): Promise<void> => {
    const id = await whenReady(() => keySerde.deserialize(record.key as Buffer, topic), never)
    const row = record.value && (await whenReady(() => value.deserialize(record.value as Buffer, topic), never))
    found.set(id, [...(found.get(id) ?? []), row])
  }
  for (const record of (await readCommitted(kafka, topic)).flat()) await read(record)
  return found
}

/** A worker that was killed is given up after 6 s only, and takes as long again to start. */
const roomChanges = (id: string, count: number): Promise<(RoomRow | null)[]> =>
  eventually(
    `${count} changes of ${id}`,
    async () => {
      if (!(await directory.isRunning())) return undefined
      const rows = (await changes('rooms', roomRows())).get(id) ?? []
      return rows.length >= count ? rows : undefined
    },
    40_000,
  )

group('rows of MariaDB, through Debezium in Kafka Connect', () => {
  test('come as Avro: those that were there first, then each change, and a tombstone for one that is deleted', async () => {
    const kitchen = {
      id: 'kitchen',
      name: 'Küche',
      floor: '1',
      area: '12.50',
      heated: true,
      changedAtMs: Date.UTC(2026, 0, 1, 12, 0, 0, 123),
      __op: 'r',
    }
    const attic = { id: 'attic', name: 'Attic', floor: null, area: null, heated: true, changedAtMs: null, __op: 'r' }
    expect(await roomChanges('kitchen', 1)).toEqual([kitchen])
    expect(await roomChanges('attic', 1)).toEqual([attic])
    await directory.sql(
      "INSERT INTO rooms (id, name) VALUES ('cellar', 'Cellar'); UPDATE rooms SET heated = FALSE, floor = '0' WHERE id = 'kitchen'; DELETE FROM rooms WHERE id = 'cellar'",
    )
    expect(await roomChanges('cellar', 2)).toEqual([{ ...attic, id: 'cellar', name: 'Cellar', __op: 'c' }, null])
    expect((await roomChanges('kitchen', 2))[1]).toEqual({ ...kitchen, heated: false, floor: '0', __op: 'u' })
  })

  test('have keys in the bytes of the same text as a key of the building, and so its partition', async () => {
    const keySerde = key()
    await keySerde.prepare?.(`${name}-readings`, 'key')
    const keys = (await readCommitted(kafka, directory.topic('devices'))).flat().map((record) => record.key)
    const ids = ['sensor-1', 'sensor-2']
    expect(keys.sort()).toEqual(ids.map((id) => keySerde.serialize(id, `${name}-readings`)))
  })

  test('are tables of a topology, which a stream of readings is joined with', async () => {
    const readings = `${name}-readings`
    await kafka
      .admin()
      .createTopics([readings, `${name}-out`].map((topic) => ({ name: topic, partitions: PARTITIONS })))
    const builder = new StreamsBuilder()
    const devices = builder.table(directory.topic('devices'), {
      store: 'devices',
      key: key(),
      value: avro(DeviceRow, { registry }),
    })
    const rooms = builder.globalTable(directory.topic('rooms'), { key: key(), value: roomRows() })
    builder
      .stream(readings, { key: key(), value: avro(Reading, { registry }) })
      .join(devices, ({ value }, { room_id }) => ({ value, roomId: room_id }))
      .join(
        rooms,
        ({ roomId }) => roomId,
        ({ value }, room) => `${room.name}: ${value}`,
      )
      .to(`${name}-out`, { key: key(), value: serdes.string })
    const streams = new KafkaStreams(builder.build(), {
      applicationId: `${name}-app`,
      kafka,
      stateDir: join(root, 'state'),
    })
    await streams.start()
    await streams.waitFor('RUNNING')
    try {
      const send = await readingSender(readings)
      await send('sensor-1', 1)
      await results(['Küche: 1'])
      await directory.sql(
        "UPDATE rooms SET name = 'Kitchen' WHERE id = 'kitchen'; DELETE FROM devices WHERE id = 'sensor-2'; INSERT INTO devices VALUES ('sensor-3', 'kitchen', NULL)",
      )
      await eventually('the tables follow', async () => {
        const store = streams.queries.keyValueStore<string, DeviceRow>('devices')
        return (await store.get('sensor-3')) && !(await store.get('sensor-2')) ? true : undefined
      })
      await send('sensor-2', 2)
      await send('sensor-3', 3)
      await results(['Kitchen: 3', 'Küche: 1'])
    } finally {
      await streams.close()
    }
  })

  test('are all there, in order and once, when Kafka Connect is killed meanwhile', async () => {
    const insert = (from: number, to: number) =>
      directory.sql(
        Array.from({ length: to - from }, (_, i) => {
          const id = `room-${from + i}`
          return `INSERT INTO rooms (id, name) VALUES ('${id}', 'a'); UPDATE rooms SET name = 'b' WHERE id = '${id}'`
        }).join(';'),
      )
    const inserting = insert(0, 150)
    await roomChanges('room-20', 1)
    await directory.connect.kill()
    await inserting
    await insert(150, 300)
    await directory.connect.restart()
    await roomChanges('room-299', 2)
    const all = await changes('rooms', roomRows())
    const histories = Array.from({ length: 300 }, (_, i) =>
      all
        .get(`room-${i}`)
        ?.map((row) => row?.name)
        .join(''),
    )
    expect(histories).toEqual(Array(300).fill('ab'))
  })
})

async function readingSender(topic: string) {
  const value = avro(Reading, { registry })
  const keySerde = key()
  await keySerde.prepare?.(topic, 'key')
  await value.prepare?.(topic, 'value')
  const producer = kafka.createProducer()
  return async (deviceId: string, measured: number): Promise<void> => {
    const reading: Reading = {
      deviceId,
      roomId: 'unknown',
      bus: 'mqtt',
      kind: 'temperature',
      value: measured,
      unit: 'celsius',
      quality: 'good',
      eventTimeMs: Date.now(),
      receivedAtMs: Date.now(),
      sequence: null,
      retained: false,
    }
    const bytes = { key: keySerde.serialize(deviceId, topic), value: value.serialize(reading, topic) }
    producer.send(topic, undefined, { ...bytes, timestampMs: Date.now() })
    await producer.flush()
  }
}

const results = (wanted: readonly string[]): Promise<boolean> =>
  eventually(`the results ${wanted.join(', ')}`, async () => {
    const found = (await readCommitted(kafka, `${name}-out`)).flat().map(({ value }) => String(value))
    if (found.length < wanted.length) return undefined
    expect(found.sort()).toEqual(wanted)
    return true
  })
