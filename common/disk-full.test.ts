import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiskFullError, orDiskFull } from './disk-full.ts'
import { Database, DatabaseCorruptError } from './rocksdb.ts'

describe('a full disk', () => {
  it.each([
    Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }),
    Object.assign(new Error('EDQUOT: disk quota exceeded, write'), { code: 'EDQUOT' }),
    // What RocksDB says, and how its binding passes it on.
    new Error('While appending to file: /s/000004.log: No space left on device'),
    new Error('Batch was not applied', { cause: 'While appending to file: /s/000004.log: File too large' }),
    new Error('Batch was not applied', { cause: new Error('Disk quota exceeded') }),
  ])('is told by $message', (error) => {
    const found = orDiskFull('/s/0_1/rocksdb', error)
    expect(found).toBeInstanceOf(DiskFullError)
    expect(found).toMatchObject({ code: 'DISK_FULL', recovery: 'retry', path: '/s/0_1/rocksdb', cause: error })
    expect(found.message).toMatch(/there is no room for \/s\/0_1\/rocksdb: .*Make room/)
    expect(orDiskFull('/other', new Error('outer', { cause: found }))).toBe(found)
  })

  it.each([
    new Error('permission denied'),
    new Error('Corruption: block checksum mismatch', { cause: new Error('x') }),
  ])('is not told by $message', (error) => {
    expect(orDiskFull('/s', error)).toBe(error)
  })
})

describe('a database whose file CURRENT is gone', () => {
  let directory: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'brook-current-'))
  })
  afterEach(() => rm(directory, { recursive: true, force: true }))

  it('is not taken for a new one', async () => {
    const database = await Database.open(directory)
    await database.write({ puts: [[Buffer.from('k'), Buffer.from('v')]] })
    await database.close()
    await rm(join(directory, 'CURRENT'))
    await expect(Database.open(directory)).rejects.toThrow(DatabaseCorruptError)
    await expect(Database.open(directory)).rejects.toThrow(/CURRENT is gone/)
  })

  it('is one when nothing was written yet', async () => {
    await (await Database.open(directory)).close()
    for (const name of await readdir(directory)) if (!/^MANIFEST/.test(name)) await rm(join(directory, name))
    const database = await Database.open(directory)
    await database.write({ puts: [[Buffer.from('k'), Buffer.from('v')]] })
    expect(await database.get(Buffer.from('k'))).toEqual(Buffer.from('v'))
    await database.close()
  })
})
