import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../../scripts/servers/ports.ts'
import { freshDirectory } from './building-process.ts'
import { eventually } from './eventually.ts'
import type { LakeObject } from './s3-lake.ts'
import { endOf, mixed, numbersIn, S3Workshop, sinkSettings, spawnSink, untilReported, upTo } from './s3-workshop.ts'

let workshop: S3Workshop
beforeAll(async () => {
  workshop = await S3Workshop.open()
})
afterAll(() => workshop?.close())

const contents = (objects: readonly LakeObject[]) =>
  Object.fromEntries(objects.map(({ name, body }) => [name, body.toString('base64')]))

test.concurrent('a sink that is killed amid 20,000 records leaves each in one object, and the bytes of a run that nothing disturbed', async () => {
  const topic = await workshop.topic(4)
  const [lake, undisturbed] = [await workshop.lake(), await workshop.lake()]
  await workshop.write(topic, [...mixed(20_000), ...endOf(4)])
  const limits = { BROOK_S3_MAX_RECORDS: '250', BROOK_S3_FLUSH_SECONDS: '0' }
  const env = await sinkSettings(topic, lake, limits)
  const killed = spawnSink(env)
  const atTheKill = await eventually('some objects are stored', async () => {
    const names = await lake.names()
    return names.length >= 12 ? names : undefined
  })
  await killed.kill()
  const again = spawnSink(env)
  const other = spawnSink(await sinkSettings(topic, undisturbed, limits))
  const expected = contents(await undisturbed.untilStored(20_000))
  const objects = await lake.untilStored(20_000)
  expect(await numbersIn(objects)).toEqual(upTo(20_000))
  expect(contents(objects)).toEqual(expected)
  expect(atTheKill.length).toBeLessThan(objects.length / 2)
  await Promise.all([again.interrupt(), other.interrupt()])
})

test.concurrent('two processes share the partitions, and what one of them had not stored the other reads again', async () => {
  const [topic, lake] = [await workshop.topic(4), await workshop.lake()]
  const settings = await sinkSettings(topic, lake, { BROOK_S3_MAX_RECORDS: '300', BROOK_S3_FLUSH_SECONDS: '0' })
  const [otherPort] = await freePorts(1)
  await workshop.write(topic, mixed(3_000).slice(0, 1_500))
  const first = spawnSink(settings)
  await lake.untilStored(300)
  const second = spawnSink({ ...settings, BROOK_DATA_DIR: freshDirectory(), BROOK_HTTP_PORT: String(otherPort) })
  await second.ready()
  await workshop.write(topic, mixed(3_000).slice(1_500))
  await untilReported(second, 'the second has partitions', ({ queueLength }) => queueLength > 0)
  await untilReported(first, 'the first has kept some', ({ queueLength }) => queueLength > 0)
  expect((await first.interrupt()).code).toBe(0)
  await workshop.write(topic, endOf(4))
  const objects = await lake.untilStored(3_000)
  expect(await numbersIn(objects)).toEqual(upTo(3_000))
  expect(second.complaints).toEqual([])
  await second.interrupt()
})

test.concurrent('a process that stands still while another takes its partitions does no harm when it goes on', async () => {
  const [topic, lake] = [await workshop.topic(4), await workshop.lake()]
  await workshop.write(topic, [...mixed(8_000), ...endOf(4)])
  const settings = await sinkSettings(topic, lake, { BROOK_S3_MAX_RECORDS: '100', BROOK_S3_FLUSH_SECONDS: '0' })
  const [otherPort] = await freePorts(1)
  const hung = spawnSink(settings)
  await eventually('some objects are stored', async () => ((await lake.names()).length >= 4 ? true : undefined))
  process.kill(hung.pid, 'SIGSTOP')
  expect((await lake.names()).length).toBeLessThan(80)
  const other = spawnSink({ ...settings, BROOK_DATA_DIR: freshDirectory(), BROOK_HTTP_PORT: String(otherPort) })
  const objects = await lake.untilStored(8_000)
  process.kill(hung.pid, 'SIGCONT')
  await untilReported(other, 'they share the partitions again', ({ queueLength }) => queueLength === 2)
  expect(contents(await lake.objects())).toEqual(contents(objects))
  expect(await numbersIn(objects)).toEqual(upTo(8_000))
  await Promise.all([hung.interrupt(), other.interrupt()])
})
