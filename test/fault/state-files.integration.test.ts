import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PARTITIONS, ScaleCluster, WORDS } from './scale-cluster.ts'
import { HARMS, type Harm, harmOwnFiles } from './state-harms.ts'

const RECORDS_PER_SECOND = 1_000
const OPTIONS = { numStandbyReplicas: 0, acceptableRecoveryLag: 1_000 }

const IN_USE = ['its directory is deleted', 'its tables are empty', 'its tables are cut in half']
/** Of each of the six tasks, after it was killed. The first three are begun anew by then, and have no tables. */
const AFTER = [
  'its directory is deleted',
  'the list of its files is cut in half',
  'the pointer to the list of its files is half written',
  'its tables are cut in half',
  'the pointer to the list of its files is gone',
  'the log of its last writes is overwritten',
]

describe('on a real broker under exactly once, local state that something has happened to', () => {
  it('is right again: while it is in use, and after kill -9 and the next start', { timeout: 240_000 }, async () => {
    const cluster = await ScaleCluster.start('state-files', RECORDS_PER_SECOND)
    try {
      const begin = async () => {
        const instance = cluster.instance('one', OPTIONS)
        const tookMs = await cluster.until(
          'all tasks',
          () => instance.runs(PARTITIONS) && cluster.counts.size === WORDS,
        )
        const { sent } = cluster
        await cluster.until('output of all tasks', () => cluster.isPast(sent))
        return { instance, tookMs }
      }
      const application = cluster.applicationDirectory('one')
      const harm = (what: string, n: number): Promise<void> => (HARMS[what] as Harm)(join(application, `0_${n}`))

      // Only a database that was opened again has tables.
      await (await begin()).instance.end('SIGTERM')
      const { instance } = await begin()
      for (const [n, what] of IN_USE.entries()) await harm(what, n)
      const { sent } = cluster
      await cluster.until('output of all tasks', () => cluster.isPast(sent))
      await instance.end('SIGKILL')
      await (await begin()).instance.end('SIGKILL')

      for (const [n, what] of AFTER.entries()) await harm(what, n)
      await harmOwnFiles(application)
      const { instance: last, tookMs } = await begin()
      await cluster.settle()
      const restored = new Map(last.status.restores.map(([taskId, from, records]) => [taskId, { from, records }]))
      process.stderr.write(
        `state harmed and process killed: all tasks ${Math.round(tookMs)} ms after the start, ` +
          `restored ${AFTER.map((what, n) => `${restored.get(`0_${n}`)?.records ?? 0} (${what})`).join(', ')}\n`,
      )
      // What cannot be read is built anew, from the beginning of its changelog.
      for (const n of [0, 1, 2, 3, 4]) expect(restored.get(`0_${n}`), AFTER[n]).toMatchObject({ from: 0 })
      cluster.expectEachCountOnce()
    } finally {
      await cluster.close()
    }
  })
})
