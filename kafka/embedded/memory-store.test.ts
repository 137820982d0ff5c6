import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Database, type DatabaseWrite, type KeyRange } from '../../common/rocksdb.ts'
import * as fc from '../../test/support/property.ts'
import type { LogStore } from './log-store.ts'
import { MemoryStore } from './memory-store.ts'

const key = fc.uint8Array({ minLength: 1, maxLength: 4, max: 3 }).map((bytes) => Buffer.from(bytes))
const write: fc.Arbitrary<DatabaseWrite> = fc.record({
  puts: fc.array(fc.tuple(key, fc.option(key, { nil: null })), { maxLength: 8 }),
  rangeDeletes: fc.array(
    fc.tuple(key, key).map(([a, b]): [Buffer, Buffer] => (Buffer.compare(a, b) <= 0 ? [a, b] : [b, a])),
    { maxLength: 1 },
  ),
})
const range: fc.Arbitrary<KeyRange> = fc
  .record(
    {
      low: fc.tuple(fc.constantFrom('gt', 'gte'), key),
      high: fc.tuple(fc.constantFrom('lt', 'lte'), key),
      reverse: fc.boolean(),
      limit: fc.integer({ min: 1, max: 5 }),
    },
    { requiredKeys: [] },
  )
  .map(({ low, high, reverse, limit }) => ({
    ...(low ? { [low[0]]: low[1] } : {}),
    ...(high ? { [high[0]]: high[1] } : {}),
    ...(reverse === undefined ? {} : { reverse }),
    ...(limit === undefined ? {} : { limit }),
  }))

async function rows(store: LogStore, keys: KeyRange): Promise<string[]> {
  const found: string[] = []
  for await (const [one, value] of store.scan(keys)) found.push(`${one.toString('hex')}=${value.toString('hex')}`)
  return found
}

describe('the memory store', () => {
  it('answers as RocksDB does', { timeout: fc.limitMs(30_000) }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'brook-memory-store-'))
    const database = await Database.open(directory)
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(write, { maxLength: 6 }),
          fc.array(range, { minLength: 1, maxLength: 6 }),
          async (writes, ranges) => {
            const memory = new MemoryStore(2)
            await database.write({ puts: [], rangeDeletes: [[Buffer.alloc(0), Buffer.from([255])]] })
            for (const one of writes) {
              await memory.write(one)
              await database.write(one)
            }
            for (const one of ranges) expect(await rows(memory, one)).toEqual(await rows(database, one))
          },
        ),
        { numRuns: 60 },
      )
    } finally {
      await database.close()
      await rm(directory, { recursive: true, force: true })
    }
  })
})
