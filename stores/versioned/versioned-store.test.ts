import { expect, it } from 'vitest'
import { InvalidArgumentError } from '../../common/errors.ts'
import { serdes } from '../../common/serde.ts'
import { memoryPlace, rocksdbPlace } from '../contract/contract-places.ts'
import { versionedStoreContract } from '../contract.ts'
import { Stores } from '../stores.ts'
import { defaultSegmentIntervalMs } from './versioned-clock.ts'

for (const [engine, place] of [
  ['memory', memoryPlace],
  ['RocksDB', rocksdbPlace],
] as const) {
  for (const cacheEntries of [0, 2, 10_000])
    versionedStoreContract(`versioned store in ${engine}, ${cacheEntries} clean entries`, { place, cacheEntries })
}

it.each([
  [0, 2_000],
  [60_000, 20_000],
  [90_000, 20_000],
  [300_000, 60_000],
  [3_600_000, 300_000],
  [7_200_000, 3_600_000],
  [48 * 3_600_000, 2 * 3_600_000],
])('keeps a history of %s ms in segments of %s ms', (historyMs, segmentMs) => {
  expect(defaultSegmentIntervalMs(historyMs)).toBe(segmentMs)
})

it.each([
  ['a negative history', { historyRetention: -1 }],
  ['an interval of nothing', { historyRetention: 10, segmentInterval: 0 }],
])('refuses %s', (_, sizes) => {
  const options = { key: serdes.string, value: serdes.string, ...sizes }
  expect(() => Stores.versionedKeyValueStore('store', options)).toThrow(InvalidArgumentError)
})
