import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { randomOf } from './committed.ts'
import { type Instance, PARTITIONS, ScaleCluster } from './scale-cluster.ts'

const SLOTS = ['one', 'two', 'three']
const PAUSE_MS = [1_000, 3_000] as const
const OPTIONS = { numStandbyReplicas: 0, acceptableRecoveryLag: 1_000 }

export interface Churn {
  /** How long instances come and go. */
  readonly forMs: number
  readonly recordsPerSecond: number
  readonly seed: number
  /** Told now and then how far it is. */
  readonly say: (line: string) => void
}

type Event = 'join' | 'SIGTERM' | 'SIGKILL'

interface Recovery {
  readonly event: Event
  readonly tookMs: number
}

/**
 * Instances of a loaded application join and leave every few seconds, by closing and by kill -9, one at least being there; each comes back
 * with the state that it had. In the end the output has to be right. Tells how long it took after each event until every task had
 * committed output for records that came after it; several events may fall into that time.
 */
export async function churn({ forMs, recordsPerSecond, seed, say }: Churn): Promise<void> {
  const random = randomOf(seed)
  const cluster = await ScaleCluster.start('churn', recordsPerSecond)
  try {
    const alive = new Map<string, Instance>()
    const recoveries: Promise<Recovery>[] = []
    const happen = async (event: Event, slot: string): Promise<void> => {
      const sent = cluster.sent
      const instance = alive.get(slot)
      if (event === 'join') alive.set(slot, cluster.instance(slot, OPTIONS))
      else {
        alive.delete(slot)
        await instance?.end(event)
      }
      const recovery = cluster
        .until(`output of all tasks after ${event} of ${slot}`, () => cluster.isPast(sent))
        .then((tookMs) => ({ event, tookMs }))
      recovery.catch(() => {})
      recoveries.push(recovery)
    }
    await happen('join', 'one')
    await cluster.until('the first instance with all tasks', () => alive.get('one')?.runs(PARTITIONS) === true)
    await happen('join', 'two')
    cluster.resetSilence()
    const endMs = performance.now() + forMs
    let saidMs = performance.now()
    while (performance.now() < endMs) {
      const [least, most] = PAUSE_MS
      await sleep(least + random() * (most - least))
      for (const [slot, instance] of alive)
        if (!instance.isAlive) throw new Error(`instance ${slot} has ended by itself: ${instance.stderr}`)
      await happen(...nextEvent(alive, random))
      if (performance.now() - saidMs < 30_000) continue
      saidMs = performance.now()
      say(
        `churn: ${recoveries.length} events, ${cluster.sent} records, ${Math.round((endMs - saidMs) / 1_000)} s to go`,
      )
    }
    const times = await Promise.all(recoveries)
    const silenceMs = cluster.longestSilenceOfMs()
    await cluster.settle()
    say(
      `churn (seed ${seed}): ${['join', 'SIGTERM', 'SIGKILL'].map((event) => summaryOf(event, times)).join('; ')}; ` +
        `longest silence of a task ${Math.round(silenceMs)} ms, of all ${Math.round(cluster.longestSilenceMs)} ms; ${cluster.sent} records`,
    )
    expect(new Set(times.map(({ event }) => event)).size, 'kinds of events').toBe(3)
    cluster.expectEachCountOnce()
  } finally {
    await cluster.close()
  }
}

function nextEvent(alive: ReadonlyMap<string, Instance>, random: () => number): readonly [Event, string] {
  const pick = (slots: readonly string[]): string => slots[Math.floor(random() * slots.length)] as string
  const absent = SLOTS.filter((slot) => !alive.has(slot))
  const joins = alive.size < 2 || (absent.length > 0 && random() < 0.5)
  if (joins) return ['join', pick(absent)]
  return [random() < 0.5 ? 'SIGTERM' : 'SIGKILL', pick([...alive.keys()])]
}

function summaryOf(event: string, times: readonly Recovery[]): string {
  const took = times.filter((t) => t.event === event).map(({ tookMs }) => Math.round(tookMs))
  return `${took.length} times ${event}, output of all tasks again after ${took.join(', ')} ms`
}
