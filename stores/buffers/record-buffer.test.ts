import { memoryPlace, rocksdbPlace } from '../contract/contract-places.ts'
import { recordBufferContract } from '../contract.ts'

for (const [engine, place] of [
  ['memory', memoryPlace],
  ['RocksDB', rocksdbPlace],
] as const) {
  for (const cacheEntries of [0, 2, 10_000])
    recordBufferContract(`record buffer in ${engine}, ${cacheEntries} records in memory`, { place, cacheEntries })
}
