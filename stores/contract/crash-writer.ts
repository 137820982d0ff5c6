import { serdes } from '../../common/serde.ts'
import { openRocksdbDatabase } from '../database/rocksdb-database.ts'
import { Stores } from '../stores.ts'
import { ContractStore } from './contract-support.ts'

/** What the child process of the crash test writes: commit after commit, until it is killed. */
export const crashPlans = {
  counts: Stores.keyValueStore('counts', { key: serdes.string, value: serdes.integer }),
  windows: Stores.windowStore('windows', {
    key: serdes.string,
    value: serdes.integer,
    retention: '10m',
    windowSize: '1m',
  }),
}
export const CRASH_KEYS = 200
export const CRASH_OFFSET = 'changelog-0'

async function writeUntilKilled(stateDir: string): Promise<never> {
  const database = await openRocksdbDatabase(stateDir)('0_0')
  const counts = new ContractStore(crashPlans.counts, database, { cacheEntries: 50 })
  const windows = new ContractStore(crashPlans.windows, database, { cacheEntries: 50 })
  for (let commit = (database.offsets().get(CRASH_OFFSET) ?? 0) + 1; ; commit++) {
    for (let k = 0; k < CRASH_KEYS; k++) {
      counts.store.put(`k${k}`, commit, commit)
      windows.store.put(`k${k}`, commit, commit * 1000, commit)
    }
    const changes = [counts.store.drain(), windows.store.drain()]
    await database.write({
      puts: changes.flatMap(({ puts }) => puts),
      rangeDeletes: changes.flatMap(({ expired }) => expired),
      offsets: new Map([[CRASH_OFFSET, commit]]),
    })
    counts.store.committed()
    windows.store.committed()
    process.stdout.write(`${commit}\n`)
  }
}

if (import.meta.main) await writeUntilKilled(process.argv[2] as string)
