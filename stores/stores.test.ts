import { memoryPlace, rocksdbPlace } from './contract/contract-places.ts'
import { keyValueStoreContract, windowStoreContract } from './contract.ts'

for (const [engine, place] of [
  ['memory', memoryPlace],
  ['RocksDB', rocksdbPlace],
] as const) {
  for (const cacheEntries of [0, 2, 10_000]) {
    keyValueStoreContract(`key-value store in ${engine}, ${cacheEntries} clean entries`, { place, cacheEntries })
    windowStoreContract(`window store in ${engine}, ${cacheEntries} clean entries`, { place, cacheEntries })
  }
}
