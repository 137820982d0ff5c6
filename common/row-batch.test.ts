import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Database } from './rocksdb.ts'
import { BATCH_ROWS, type RowBatch } from './row-batch.ts'

let directory: string
let database: Database
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-rows-'))
  database = await Database.open(directory)
})
afterEach(async () => {
  await database.close()
  await rm(directory, { recursive: true })
})

function put(rows: RowBatch, key: string, value: string): void {
  rows.put(key.length, value.length)
  rows.memory.write(key, rows.keyAt, 'latin1')
  rows.memory.write(value, rows.valueAt, 'latin1')
}

function remove(rows: RowBatch, key: string): void {
  rows.delete(key.length)
  rows.memory.write(key, rows.keyAt, 'latin1')
}

async function all(): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for await (const [key, value] of database.scan()) found.set(key.toString('latin1'), value.toString('latin1'))
  return found
}

test('a batch that goes around writes what is in it then: long and short, put and deleted', async () => {
  const rows = database.createRowBatch()
  const expected = new Map<string, string>()
  for (let round = 0; round < 6; round++) {
    rows.clear()
    for (let i = 0; i < BATCH_ROWS - round * 100; i++) {
      const key = `${(i * 31 + round) % 700}`.padStart(i % 13 === round ? 65 : 3 + (i % 2), 'k')
      if ((i + round) % 5 === 0) {
        remove(rows, key)
        expected.delete(key)
      } else {
        const value = `${round}/${i}`.padEnd((i * round) % 11 === 3 ? 300 : i % 4, '.')
        put(rows, key, value)
        expected.set(key, value)
      }
    }
    await database.writeRows(rows)
    expect(await all()).toEqual(new Map([...expected].sort(([a], [b]) => (a < b ? -1 : 1))))
  }
  expect(expected.size).toBeGreaterThan(500)
})

test('small writes before it leave it enough room', async () => {
  const key = Buffer.from('small')
  for (let i = 0; i < 100; i++) await database.write({ puts: [[key, key]] })
  const rows = database.createRowBatch()
  for (let i = 0; i < BATCH_ROWS; i++) put(rows, `row-${i}`, `${i}`)
  expect(rows.isFull).toBe(true)
  expect(() => rows.delete(1)).toThrow(RangeError)
  await Promise.all([database.writeRows(rows), database.write({ puts: [[key, null]] })])
  expect((await all()).size).toBe(BATCH_ROWS)
})

test('rows of 0 bytes are rows', async () => {
  const rows = database.createRowBatch()
  put(rows, 'k', '')
  await database.writeRows(rows)
  rows.clear()
  await database.writeRows(rows)
  expect(await all()).toEqual(new Map([['k', '']]))
})
