import { afterAll, beforeAll, expect, test } from 'vitest'
import { S3Server } from '../../scripts/servers/s3.ts'
import { freshDirectory } from './building-process.ts'
import { eventually } from './eventually.ts'
import { valuesOf } from './s3-lake.ts'
import {
  HOUR_MS,
  numbersIn,
  S3Workshop,
  sinkSettings,
  spawnSink,
  TEN_OCLOCK_MS,
  untilReported,
  upTo,
} from './s3-workshop.ts'

let workshop: S3Workshop
beforeAll(async () => {
  workshop = await S3Workshop.open()
})
afterAll(() => workshop?.close())

test('S3 is killed and comes back: reading pauses, and everything is stored within 5 s', async () => {
  const own = await S3Server.start({ directory: freshDirectory() })
  const [topic, lake] = [await workshop.topic(2), await workshop.lake(own)]
  const bufferBytes = 1_048_576
  const env = await sinkSettings(topic, lake, {
    BROOK_S3_MAX_RECORDS: '1000',
    BROOK_S3_FLUSH_SECONDS: '1',
    BROOK_S3_BUFFER_BYTES: String(bufferBytes),
    BROOK_S3_FORMAT: 'json',
  })
  await workshop.write(topic, [{ number: 0 }])
  const sink = spawnSink(env)
  await lake.untilStored(1)
  await own.kill()
  const count = 60_000
  const many = upTo(count)
    .slice(1)
    .map((number) => ({ number, partition: number % 2 }))
  await workshop.write(topic, many)
  const away = await untilReported(sink, 'it says so', ({ state }) => state === 'degraded')
  expect(away.lastError).toMatch(/^S3 does not take objects for bucket lake-.*ECONNREFUSED/)
  expect((await sink.get<{ ready: boolean }>('/readyz')).body.ready).toBe(false)
  expect(away.bufferedBytes).toBeLessThan(2 * bufferBytes)
  await own.restart()
  const backMs = performance.now()
  await eventually('objects are stored again', async () => ((await lake.names()).length > 1 ? true : undefined))
  expect(performance.now() - backMs).toBeLessThan(5_000)
  const objects = await lake.untilStored(count)
  expect(await numbersIn(objects)).toEqual(upTo(count))
  const after = await untilReported(sink, 'it says that it works again', ({ state }) => state === 'running')
  expect(after.reconnects).toBe(1)
  await sink.interrupt()
  await own.stop()
})

test('hours of a zone, late records, schema versions, tombstones and what cannot be read', async () => {
  const [topic, lake] = [await workshop.topic(1), await workshop.lake()]
  await workshop.write(topic, [{ number: 0 }, { number: 1, atMs: TEN_OCLOCK_MS + HOUR_MS }, { number: 2 }])
  await workshop.writeRaw(topic, Buffer.from('no Avro'))
  await workshop.writeRaw(topic, null)
  await workshop.writeWithNote(topic, { sensor: 'new', number: 3, note: 'more' })
  const env = await sinkSettings(topic, lake, {
    BROOK_S3_FLUSH_SECONDS: '1',
    BROOK_S3_COMPRESSION: 'gzip',
    BROOK_S3_TIME_ZONE: 'Asia/Kolkata',
    BROOK_S3_PREFIX: 'lake/raw',
  })
  const sink = spawnSink(env)
  const objects = await lake.untilStored(4)
  const rows = objects.map(async (object) => [
    object.name.replaceAll(topic, 'T').replace(/\d+\.avro$/, 'ID.avro'),
    await valuesOf(object),
  ])
  expect(await Promise.all(rows)).toEqual([
    ['lake/raw/T/2024/11/22/15/T+0+0000000000+ID.avro', [{ sensor: 'sensor-0', number: 0 }]],
    ['lake/raw/T/2024/11/22/15/T+0+0000000002+ID.avro', [{ sensor: 'sensor-2', number: 2 }]],
    ['lake/raw/T/2024/11/22/15/T+0+0000000005+ID.avro', [{ sensor: 'new', number: 3, note: 'more' }]],
    ['lake/raw/T/2024/11/22/16/T+0+0000000001+ID.avro', [{ sensor: 'sensor-1', number: 1 }]],
  ])
  const told = await untilReported(sink, 'the dead letter is counted', ({ deadLetters }) => deadLetters === 1)
  expect(told).toMatchObject({ state: 'running', tombstones: 1 })
  expect(await (await fetch(`${sink.url}/metrics`)).text()).toMatch(/^brook_s3_objects_total 4$/m)
  await sink.interrupt()
})

test('a bucket that is not there is told over HTTP, and written to as soon as it is', async () => {
  const [topic, lake] = [await workshop.topic(1), workshop.lakeToBe()]
  await workshop.write(topic, [{ number: 0 }])
  const sink = spawnSink(await sinkSettings(topic, lake, { BROOK_S3_FLUSH_SECONDS: '1' }))
  const { lastError } = await untilReported(sink, 'it has failed', ({ state }) => state === 'failed')
  expect(lastError).toMatch(/^S3 refuses bucket lake-.* there is no such bucket \(NoSuchBucket\); create it/)
  await workshop.server.createBucket(lake.bucket)
  expect(await numbersIn(await lake.untilStored(1))).toEqual([0])
  expect(sink.output).not.toContain(workshop.server.secretAccessKey)
  expect((await sink.interrupt()).code).toBe(0)
})
