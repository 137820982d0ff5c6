import { describe, expect, it } from 'vitest'
import { type Instance, PARTITIONS, ScaleCluster, WORDS } from './scale-cluster.ts'

const RECORDS_PER_SECOND = 2_000
/** Without output, of all tasks together and of each, while tasks move. */
const MOST_SILENCE_MS = 3_000

/** A silence that goes on is waited for first. */
async function silenceUntilNow(cluster: ScaleCluster): Promise<{ readonly ofAllMs: number; readonly ofOneMs: number }> {
  const { sent } = cluster
  await cluster.until('output of every task', () => cluster.isPast(sent))
  return { ofAllMs: Math.round(cluster.longestSilenceMs), ofOneMs: Math.round(cluster.longestSilenceOfMs()) }
}

describe('on a real broker, instances of a loaded application under exactly once', () => {
  it('share the tasks with a second one that joins, with little silence, and take them back when it leaves', {
    timeout: 240_000,
  }, async () => {
    const cluster = await ScaleCluster.start('scale', RECORDS_PER_SECOND)
    try {
      const options = { numStandbyReplicas: 0, acceptableRecoveryLag: 50 }
      const one = cluster.instance('one', options)
      await cluster.until('the start of the first', () => one.runs(PARTITIONS) && cluster.counts.size === WORDS)
      // Changelogs long enough for the copies to be warmed up first.
      await cluster.until('some state', () => cluster.sent > 6 * RECORDS_PER_SECOND)
      cluster.resetSilence()
      const two = cluster.instance('two', options)
      const joinedMs = await cluster.until('sharing', () => one.runs(PARTITIONS / 2) && two.runs(PARTITIONS / 2))
      const joined = await silenceUntilNow(cluster)
      expect(two.status.restores.every(([, startingOffset]) => startingOffset > 0)).toBe(true)
      cluster.resetSilence()
      await two.end('SIGTERM')
      const leftMs = await cluster.until('taking back', () => one.runs(PARTITIONS))
      const left = await silenceUntilNow(cluster)
      await cluster.settle()
      process.stderr.write(
        `scale-out: half the tasks after ${Math.round(joinedMs)} ms, longest silence ${joined.ofAllMs} ms, of one task ${joined.ofOneMs} ms; ` +
          `scale-in: all of them after ${Math.round(leftMs)} ms, longest silence ${left.ofAllMs} ms, of one task ${left.ofOneMs} ms\n`,
      )
      expect(Math.max(joined.ofAllMs, joined.ofOneMs)).toBeLessThan(MOST_SILENCE_MS)
      expect(Math.max(left.ofAllMs, left.ofOneMs)).toBeLessThan(MOST_SILENCE_MS)
      cluster.expectEachCountOnce()
    } finally {
      await cluster.close()
    }
  })

  it('lose nothing when one of three is killed, and its standbys take over', { timeout: 240_000 }, async () => {
    const cluster = await ScaleCluster.start('standby', RECORDS_PER_SECOND)
    try {
      const options = { numStandbyReplicas: 1, acceptableRecoveryLag: 1_000 }
      const three = ['one', 'two', 'three'].map((id) => cluster.instance(id, options))
      const settled = ({ status }: Instance) =>
        status.state === 'RUNNING' &&
        status.tasks.length === 2 &&
        status.standbys.length === 2 &&
        status.caughtUp.length === 2
      await cluster.until('three instances with standbys', () => three.every(settled) && cluster.counts.size === WORDS)
      await cluster.until('some state', () => cluster.sent > 6 * RECORDS_PER_SECOND)
      const [victim, ...others] = three as [Instance, Instance, Instance]
      const before = new Map(others.map((other) => [other, other.status.restores.length]))
      cluster.resetSilence()
      await victim.end('SIGKILL')
      const tookMs = await cluster.until('taking over', () => others.every((other) => other.runs(PARTITIONS / 2)))
      await cluster.settle()
      const restores = others.flatMap((other) => other.status.restores.slice(before.get(other)))
      process.stderr.write(
        `standbys took over ${Math.round(tookMs)} ms after kill -9 (session timeout 6,000 ms), ` +
          `restoring ${restores.map(([taskId, from, records]) => `${taskId}: ${records} from ${from}`).join(', ')}\n`,
      )
      for (const [, startingOffset] of restores) expect(startingOffset).toBeGreaterThan(0)
      cluster.expectEachCountOnce()
    } finally {
      await cluster.close()
    }
  })

  it('restore only what they had not committed when they are killed and started again with their state', {
    timeout: 240_000,
  }, async () => {
    const cluster = await ScaleCluster.start('killed', RECORDS_PER_SECOND)
    try {
      const options = { numStandbyReplicas: 0, acceptableRecoveryLag: 1_000 }
      const first = cluster.instance('one', options)
      await cluster.until('some state', () => first.runs(PARTITIONS) && cluster.sent > 6 * RECORDS_PER_SECOND)
      const wasSent = cluster.sent
      await first.end('SIGKILL')
      const again = cluster.instance('one', options)
      await cluster.until('the start after the kill', () => again.runs(PARTITIONS))
      await cluster.settle()
      const restored = again.status.restores.reduce((sum, [, , records]) => sum + records, 0)
      process.stderr.write(`killed after ${wasSent} records, restored ${restored}\n`)
      expect(first.status.restores).toEqual([])
      for (const [, startingOffset] of again.status.restores) expect(startingOffset).toBeGreaterThan(0)
      // A commit writes what the last 100 ms have brought; a busy machine takes some more.
      expect(restored).toBeLessThan(RECORDS_PER_SECOND)
      cluster.expectEachCountOnce()
    } finally {
      await cluster.close()
    }
  })
})
