import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MemoryDatabase } from '../database/memory-database.ts'
import { openRocksdbDatabase } from '../database/rocksdb-database.ts'
import type { ContractPlace } from './contract-support.ts'

/** `path` is where the database of the one task is. */
export async function rocksdbPlace(): Promise<ContractPlace & { readonly path: string }> {
  const directory = await mkdtemp(join(tmpdir(), 'brook-store-'))
  const open = openRocksdbDatabase(directory)
  return {
    path: join(directory, '0_0', 'rocksdb'),
    keepsState: true,
    open: () => open('0_0'),
    remove: () => rm(directory, { recursive: true, force: true }),
  }
}

export async function memoryPlace(): Promise<ContractPlace> {
  return { keepsState: false, open: async () => new MemoryDatabase(), remove: async () => {} }
}
