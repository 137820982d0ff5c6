import { closingWindowStoreContract } from '../contract/closing-window-contract.ts'
import { memoryPlace, rocksdbPlace } from '../contract/contract-places.ts'

for (const [engine, place] of [
  ['memory', memoryPlace],
  ['RocksDB', rocksdbPlace],
] as const) {
  for (const cacheEntries of [0, 2, 10_000]) {
    const where = `in ${engine}, ${cacheEntries} clean entries`
    closingWindowStoreContract(`window store with a segment per start ${where}`, { place, cacheEntries }, 5_000)
    closingWindowStoreContract(`window store with an index by time ${where}`, { place, cacheEntries }, 1)
  }
}
