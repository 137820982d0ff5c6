import { describe, expect, it } from 'vitest'
import { type Instance, PARTITIONS, ScaleCluster, WORDS } from './scale-cluster.ts'

const RECORDS_PER_SECOND = 2_000

/** Each word was counted 1, 2, 3, … as often as it was sent: nothing is missing, doubled or out of order. */
function expectEachCountOnce({ counts, sent }: ScaleCluster): void {
  expect(counts.size).toBe(WORDS)
  for (let n = 0; n < WORDS; n++) {
    const times = Math.floor(sent / WORDS) + (n < sent % WORDS ? 1 : 0)
    const seen = counts.get(`word-${n}`) ?? []
    const wrong = seen.findIndex((count, i) => count !== i + 1)
    expect({ word: n, wrong, length: seen.length }).toEqual({ word: n, wrong: -1, length: times })
  }
}

const runs = (instance: Instance, tasks: number) =>
  instance.status.state === 'RUNNING' && instance.status.tasks.length === tasks

describe('on a real broker, instances of a loaded application under exactly once', () => {
  it('share the tasks with a second one that joins, with little silence, and take them back when it leaves', {
    timeout: 240_000,
  }, async () => {
    const cluster = await ScaleCluster.start('scale', RECORDS_PER_SECOND)
    try {
      const options = { numStandbyReplicas: 0, acceptableRecoveryLag: 50 }
      const one = cluster.instance('one', options)
      await cluster.until('the start of the first', () => runs(one, PARTITIONS) && cluster.counts.size === WORDS)
      // Changelogs long enough for the copies to be warmed up first.
      await cluster.until('some state', () => cluster.sent > 6 * RECORDS_PER_SECOND)
      cluster.resetSilence()
      const two = cluster.instance('two', options)
      const joinedMs = await cluster.until('sharing', () => runs(one, PARTITIONS / 2) && runs(two, PARTITIONS / 2))
      const joinSilenceMs = cluster.longestSilenceMs
      expect(two.status.restores.every(([, startingOffset]) => startingOffset > 0)).toBe(true)
      cluster.resetSilence()
      await two.end('SIGTERM')
      const leftMs = await cluster.until('taking back', () => runs(one, PARTITIONS))
      await cluster.settle()
      process.stderr.write(
        `scale-out: half the tasks after ${Math.round(joinedMs)} ms, longest silence ${Math.round(joinSilenceMs)} ms; ` +
          `scale-in: all of them after ${Math.round(leftMs)} ms, longest silence ${Math.round(cluster.longestSilenceMs)} ms\n`,
      )
      expect(joinSilenceMs).toBeLessThan(3_000)
      expect(cluster.longestSilenceMs).toBeLessThan(3_000)
      expectEachCountOnce(cluster)
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
      const tookMs = await cluster.until('taking over', () => others.every((other) => runs(other, PARTITIONS / 2)))
      await cluster.settle()
      const restores = others.flatMap((other) => other.status.restores.slice(before.get(other)))
      process.stderr.write(
        `standbys took over ${Math.round(tookMs)} ms after kill -9 (session timeout 6,000 ms), ` +
          `restoring ${restores.map(([taskId, from, records]) => `${taskId}: ${records} from ${from}`).join(', ')}\n`,
      )
      for (const [, startingOffset] of restores) expect(startingOffset).toBeGreaterThan(0)
      expectEachCountOnce(cluster)
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
      await cluster.until('some state', () => runs(first, PARTITIONS) && cluster.sent > 6 * RECORDS_PER_SECOND)
      const wasSent = cluster.sent
      await first.end('SIGKILL')
      const again = cluster.instance('one', options)
      await cluster.until('the start after the kill', () => runs(again, PARTITIONS))
      await cluster.settle()
      const restored = again.status.restores.reduce((sum, [, , records]) => sum + records, 0)
      process.stderr.write(`killed after ${wasSent} records, restored ${restored}\n`)
      expect(first.status.restores).toEqual([])
      for (const [, startingOffset] of again.status.restores) expect(startingOffset).toBeGreaterThan(0)
      // A commit writes what the last 100 ms have brought; a busy machine takes some more.
      expect(restored).toBeLessThan(RECORDS_PER_SECOND)
      expectEachCountOnce(cluster)
    } finally {
      await cluster.close()
    }
  })
})
