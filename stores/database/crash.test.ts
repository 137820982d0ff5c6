import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { ContractStore, toArray } from '../contract/contract-support.ts'
import { CRASH_KEYS, CRASH_OFFSET, crashPlans } from '../contract/crash-writer.ts'
import { openRocksdbDatabase } from './rocksdb-database.ts'

/** Lets the child write some commits, kills it in the middle of one, and gives the last commit that it said was done. */
async function writeAndKill(stateDir: string, commits: number): Promise<number> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL('../contract/crash-writer.ts', import.meta.url)), stateDir],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  let output = ''
  let errors = ''
  child.stderr.on('data', (data: Buffer) => (errors += data))
  child.stdout.on('data', (data: Buffer) => {
    output += data
    if (output.split('\n').length > commits) child.kill('SIGKILL')
  })
  const signal = await new Promise((resolve) => child.once('close', (_, killedBy) => resolve(killedBy)))
  expect(signal, errors).toBe('SIGKILL')
  return Number(output.trim().split('\n').at(-1))
}

it('rows and offset agree after the process is killed, however often', { timeout: 60_000 }, async () => {
  const stateDir = await mkdtemp(join(tmpdir(), 'brook-crash-'))
  try {
    for (const commits of [3, 20, 7]) {
      const done = await writeAndKill(stateDir, commits)
      const database = await openRocksdbDatabase(stateDir)('0_0')
      const offset = database.offsets().get(CRASH_OFFSET) as number
      expect(offset).toBeGreaterThanOrEqual(done)
      const counts = await toArray(new ContractStore(crashPlans.counts, database, {}).store.range(undefined, undefined))
      expect(counts).toHaveLength(CRASH_KEYS)
      expect(new Set(counts.map((row) => row.value))).toEqual(new Set([offset]))
      const { store } = new ContractStore(crashPlans.windows, database, {})
      const windows = await toArray(store.fetchRange(undefined, undefined, 0, Number.MAX_SAFE_INTEGER))
      expect(windows).toHaveLength(offset * CRASH_KEYS)
      expect(Math.max(...windows.map((row) => row.windowStartMs))).toBe(offset * 1000)
      expect(windows.every((row) => row.value * 1000 === row.windowStartMs)).toBe(true)
      await database.close()
    }
  } finally {
    await rm(stateDir, { recursive: true, force: true })
  }
})
