import { join } from 'node:path'
import { expect } from 'vitest'
import { type Instance, PARTITIONS, ScaleCluster, WORDS } from './scale-cluster.ts'
import type { SmallDisk } from './small-disk.ts'

const OPTIONS = { numStandbyReplicas: 0, acceptableRecoveryLag: 1_000 }

export interface DiskFull {
  readonly disk: SmallDisk
  /** How often the disk is full, and for how long. */
  readonly times: number
  readonly fullMs: number
  readonly recordsPerSecond: number
  readonly say: (line: string) => void
}

/**
 * The disk of one of two instances is full while they are loaded: its tasks try again and again, saying why, the other's go on as if
 * nothing was. When there is room, they go on too, and the output is right.
 */
export async function fillUnderLoad({ disk, times, fullMs, recordsPerSecond, say }: DiskFull): Promise<void> {
  const cluster = await ScaleCluster.start('disk-full', recordsPerSecond)
  try {
    const one = cluster.instance('one', { ...OPTIONS, stateDir: join(disk.directory, 'state') })
    const two = cluster.instance('two', OPTIONS)
    const share = (instance: Instance) => instance.runs(PARTITIONS / 2)
    for (let n = 1; n <= times; n++) {
      const settled = (): boolean => share(one) && share(two) && cluster.counts.size === WORDS
      await cluster.until('both instances with half of the tasks', settled)
      const before = one.status.problemCount
      cluster.resetSilence()
      await disk.fill([one.pid])
      await cluster.until('the error', () => one.status.problemCount > before)
      await cluster.during(fullMs)
      const spared = cluster.longestSilenceOfMs(two.status.tasks)
      const problem = one.status.problems.at(-1)
      expect(problem).toMatchObject({ code: 'DISK_FULL', message: expect.stringContaining(disk.directory) })
      expect(problem?.message).toMatch(/no room for .*Make room/)
      expect(two.status.problems).toEqual([])
      expect(two.status.tasks).toHaveLength(PARTITIONS / 2)
      expect(spared, 'silence of the tasks on the other disk').toBeLessThan(3_000)
      const { sent } = cluster
      await disk.makeRoom([one.pid])
      const tookMs = await cluster.until('output of all tasks', () => cluster.isPast(sent) && settled())
      say(
        `disk full (${disk.means}) for ${fullMs} ms: tasks on it spoke again ${Math.round(tookMs)} ms after there was room; ` +
          `longest silence of the others ${Math.round(spared)} ms`,
      )
    }
    await cluster.settle()
    cluster.expectEachCountOnce()
    expect([one.isAlive, two.isAlive]).toEqual([true, true])
  } finally {
    await cluster.close()
  }
}

/**
 * The disk of the only instance stays full beyond its patience: it ends and says why; started on the full disk it says so as
 * well; and started when there is room again, it makes the output right.
 */
export async function fillForGood({ disk, recordsPerSecond, say }: Omit<DiskFull, 'times' | 'fullMs'>): Promise<void> {
  const cluster = await ScaleCluster.start('disk-full-for-good', recordsPerSecond)
  const options = { ...OPTIONS, stateDir: join(disk.directory, 'state'), taskTimeoutMs: 2_000 }
  try {
    const first = cluster.instance('one', options)
    await cluster.until('all tasks', () => first.runs(PARTITIONS) && cluster.counts.size === WORDS)
    await disk.fill([first.pid])
    await cluster.until('the end of the instance', () => !first.isAlive)
    expect(first.stderr).toMatch(/TaskTimeoutError: task \S+ made no progress for 2000 ms: there is no room for /)
    expect(first.stderr).toContain(disk.directory)
    const second = cluster.instance('one', options, disk.launcher)
    await cluster.until('the end of the start', () => !second.isAlive)
    expect(second.stderr).toMatch(/DiskFullError: there is no room for .*Make room on its file system/)
    await disk.makeRoom([])
    const third = cluster.instance('one', options)
    const tookMs = await cluster.until('all tasks again', () => third.runs(PARTITIONS))
    await cluster.settle()
    say(`disk full (${disk.means}) until the end: all tasks ${Math.round(tookMs)} ms after the start with room`)
    cluster.expectEachCountOnce()
  } finally {
    await cluster.close()
  }
}
