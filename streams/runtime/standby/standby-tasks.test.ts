import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../../kafka/embedded.ts'
import { MemoryDatabase } from '../../../stores/database/memory-database.ts'
import { openRocksdbDatabase } from '../../../stores/database/rocksdb-database.ts'
import type { KeyValueStore } from '../../../stores/state-store.ts'
import { type ProcessingGuarantee, StreamsBuilder, serdes, type Topology } from '../../index.ts'
import { Application } from '../client/application.ts'
import { parseStreamsOptions } from '../client/streams-config.ts'
import { StreamsMetrics } from '../metrics/streams-metrics.ts'
import { ThreadMetrics } from '../metrics/thread-metrics.ts'
import { StandbyTasks } from './standby-tasks.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const CHANGELOG = 'app-rows-changelog'

let kafka: EmbeddedProvider
let directory: string
let standbys: StandbyTasks | undefined

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-standby-tasks-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  await kafka.admin().createTopics(['names', CHANGELOG].map((name) => ({ name, partitions: 1 })))
})

afterEach(async () => {
  await standbys?.close()
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

function table(topologyOptimization: 'all' | 'none'): Topology {
  const builder = new StreamsBuilder()
  builder.table('names', { ...TEXT, store: 'rows' })
  return builder.build({ topologyOptimization })
}

function follow(topology: Topology, processingGuarantee: ProcessingGuarantee = 'at_least_once', onWarm = () => {}) {
  standbys = new StandbyTasks({
    config: parseStreamsOptions({ applicationId: 'app', kafka, stateDir: directory, processingGuarantee }),
    application: new Application('app', topology),
    kafka,
    admin: kafka.admin(),
    openPersistent: openRocksdbDatabase(directory),
    openMemory: async () => new MemoryDatabase(),
    metrics: new ThreadMetrics({
      registry: new StreamsMetrics({ level: 'INFO' }),
      threadName: 't',
      processId: 'p',
      startedMs: 0,
    }),
    wipeState: (taskId) => rm(join(directory, taskId), { recursive: true, force: true }),
    onWarm,
  })
  return standbys
}

async function send(topic: string, words: readonly string[]): Promise<void> {
  const producer = kafka.createProducer()
  for (const word of words) producer.send(topic, 0, { key: Buffer.from(word), value: Buffer.from('x'), timestampMs: 1 })
  await producer.flush()
  await producer.close()
}

const eventually = (look: () => unknown) => vi.waitFor(look, { timeout: 5_000, interval: 10 })
const rowOf = (of: StandbyTasks, key: string) =>
  (of.tasks[0]?.stores.get('rows') as KeyValueStore<string, string> | undefined)?.get(key)

describe('standby tasks', () => {
  it('follow a source topic no further than the group has committed it', async () => {
    const admin = kafka.admin()
    await send('names', ['a', 'b', 'c', 'd', 'e'])
    await admin.alterOffsets('app', [{ topic: 'names', partition: 0, offset: 3 }])
    const copies = follow(table('all'))
    await copies.keep(['0_0'], [])
    await eventually(() => expect(copies.tasks[0]?.stores.storedOffset('names', 0)).toBe(3))
    expect(copies.tasks[0]?.lag).toBe(0)
    expect([await rowOf(copies, 'c'), await rowOf(copies, 'd')]).toEqual(['x', undefined])
    await admin.alterOffsets('app', [{ topic: 'names', partition: 0, offset: 5 }])
    await eventually(async () => expect(await rowOf(copies, 'e')).toBe('x'))
    expect(copies.tasks[0]?.stores.storedOffset('names', 0)).toBe(5)
  })

  it('have nothing of an aborted transaction under exactly once', async () => {
    const copies = follow(table('none'), 'exactly_once')
    await copies.keep(['0_0'], [])
    const producer = kafka.createProducer({ transactionalId: 'app-0_0' })
    await producer.initTransactions()
    for (const [key, ends] of [
      ['kept', () => producer.commitTransaction()],
      ['gone', () => producer.abortTransaction()],
      ['last', () => producer.commitTransaction()],
    ] as const) {
      producer.beginTransaction()
      producer.send(CHANGELOG, 0, { key: Buffer.from(key), value: Buffer.from('x'), timestampMs: 1 })
      await producer.flush()
      await ends()
    }
    await producer.close()
    await eventually(async () => expect(await rowOf(copies, 'last')).toBe('x'))
    expect([await rowOf(copies, 'kept'), await rowOf(copies, 'gone')]).toEqual(['x', undefined])
  })

  it('build a copy anew that cannot be read', async () => {
    await send(CHANGELOG, ['a'])
    await mkdir(join(directory, '0_0', 'rocksdb'), { recursive: true })
    await writeFile(join(directory, '0_0', 'rocksdb', 'CURRENT'), 'nonsense')
    const copies = follow(table('none'))
    await copies.keep(['0_0'], [])
    await eventually(async () => expect(await rowOf(copies, 'a')).toBe('x'))
  })

  it('say once when what is to become active has caught up', async () => {
    await send(CHANGELOG, ['a', 'b'])
    const onWarm = vi.fn()
    const copies = follow(table('none'), 'at_least_once', onWarm)
    await copies.keep(['0_0'], ['0_0'])
    await eventually(() => expect(onWarm).toHaveBeenCalledTimes(1))
    await send(CHANGELOG, ['c'])
    await eventually(async () => expect(await rowOf(copies, 'c')).toBe('x'))
    expect(onWarm).toHaveBeenCalledTimes(1)
  })

  it('give their databases away open, and stand still while they are paused', async () => {
    await send(CHANGELOG, ['a'])
    const copies = follow(table('none'))
    await copies.keep(['0_0'], [])
    await eventually(async () => expect(await rowOf(copies, 'a')).toBe('x'))
    await copies.pause(true)
    await send(CHANGELOG, ['b'])
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await rowOf(copies, 'b')).toBeUndefined()
    await copies.pause(false)
    await eventually(async () => expect(await rowOf(copies, 'b')).toBe('x'))
    const databases = await copies.release('0_0')
    expect(copies.tasks).toEqual([])
    expect([...(databases?.persistent?.offsets() ?? [])]).toEqual([[`${CHANGELOG}-0`, 2]])
    await databases?.persistent?.close()
    expect(await copies.release('0_0')).toBeUndefined()
  })
})
