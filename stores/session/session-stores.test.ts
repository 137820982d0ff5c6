import { memoryPlace, rocksdbPlace } from '../contract/contract-places.ts'
import { sessionStoreContract } from '../contract.ts'

for (const [engine, place] of [
  ['memory', memoryPlace],
  ['RocksDB', rocksdbPlace],
] as const)
  for (const cacheEntries of [0, 2, 10_000])
    sessionStoreContract(`session store in ${engine}, ${cacheEntries} clean entries`, { place, cacheEntries })
