import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TaskDatabase } from '../task-database.ts'
import { readLocalState } from './local-state.ts'
import { openRocksdbDatabase } from './rocksdb-database.ts'

let directory: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-local-state-'))
})
afterEach(() => rm(directory, { recursive: true, force: true }))

async function fill(database: TaskDatabase, store: string, rows: number): Promise<void> {
  const prefix = database.storePrefix(store)
  const puts = Array.from(
    { length: rows },
    (_, i) => [Buffer.concat([prefix, Buffer.from(`k${i}`)]), Buffer.from('12345')] as const,
  )
  await database.write({ puts, rangeDeletes: [], offsets: new Map([[`${store}-changelog-0`, rows]]) })
}

test('tells rows, bytes and offsets of each store, while the task has its database open', async () => {
  const database = await openRocksdbDatabase(directory)('0_10')
  await fill(database, 'many', 9)
  await fill(database, 'few', 1)
  const other = await openRocksdbDatabase(directory)('0_2')
  await fill(other, 'many', 3)
  const tasks = await readLocalState(directory)
  expect(tasks.map(({ taskId }) => taskId)).toEqual(['0_2', '0_10'])
  expect(tasks[1]).toMatchObject({
    directory: join(directory, '0_10'),
    stores: [
      { store: 'few', rows: 1, sizeBytes: 9, isEstimate: false },
      { store: 'many', rows: 9, sizeBytes: 9 * (2 + 2 + 5), isEstimate: false },
    ],
    offsets: new Map([
      ['many-changelog-0', 9],
      ['few-changelog-0', 1],
    ]),
  })
  await fill(database, 'few', 2)
  expect((await readLocalState(directory))[1]?.stores[0]?.rows).toBe(2)
  await Promise.all([database.close(), other.close()])
})

test('estimates what is too much to count', async () => {
  const database = await openRocksdbDatabase(directory)('0_0')
  await fill(database, 'huge', 150_000)
  const [task] = await readLocalState(directory)
  expect(task?.stores[0]).toMatchObject({ isEstimate: true })
  expect(task?.stores[0]?.rows).toBeGreaterThanOrEqual(100_000)
  await database.close()
})

test('names what cannot be read, and goes on with the others', async () => {
  const database = await openRocksdbDatabase(directory)('0_1')
  await fill(database, 'fine', 1)
  await database.close()
  await mkdir(join(directory, '0_0', 'rocksdb'), { recursive: true })
  await writeFile(join(directory, '0_0', 'rocksdb', 'CURRENT'), 'nonsense')
  await mkdir(join(directory, 'not-a-task'))
  const tasks = await readLocalState(directory)
  expect(tasks.map(({ taskId, problem }) => [taskId, problem !== undefined])).toEqual([
    ['0_0', true],
    ['0_1', false],
  ])
})

test('is empty where there is no such directory', async () => {
  expect(await readLocalState(join(directory, 'missing'))).toEqual([])
})

test('has the global stores once, where each stream thread has a copy of them', async () => {
  const copies = await Promise.all(
    [2, 10].map(async (thread) => {
      const database = await openRocksdbDatabase(join(directory, 'threads', String(thread)))('global')
      await fill(database, 'names', thread)
      return database
    }),
  )
  const at = (thread: number) => join(directory, 'threads', String(thread), 'global')
  const task = {
    taskId: 'global',
    directory: at(2),
    copies: [at(10)],
    stores: [expect.objectContaining({ store: 'names', rows: 2 })],
  }
  expect(await readLocalState(directory)).toEqual([expect.objectContaining(task)])
  await Promise.all(copies.map((database) => database.close()))
})
