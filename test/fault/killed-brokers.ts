import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import type { ProcessingGuarantee } from '../../streams/index.ts'
import { reportTimes } from './report.ts'
import { TallyApplication } from './tally-application.ts'

export interface KilledBrokers {
  readonly cluster: KafkaCluster
  readonly guarantee: ProcessingGuarantee
  readonly load: number
  /** How long two of three are down. */
  readonly outageMs: number
  /** How long it goes on, with another broker each round; one round at least. */
  readonly forMs: number
}

const KILLS = 5

/**
 * A broker is killed five times under load, and then two of three at once: below `min.insync.replicas` writes stall, nothing fails for good, and
 * everything goes on by itself.
 */
export async function killBrokers(options: KilledBrokers): Promise<void> {
  const { cluster, guarantee, load, outageMs, forMs } = options
  const application = await TallyApplication.start(cluster.brokers, {
    name: `brokers-${guarantee.replaceAll('_', '-')}`,
    guarantee,
    instances: 2,
    load,
    sessionTimeoutMs: 10_000,
  })
  try {
    const afterOneMs: number[] = []
    const afterTwoMs: number[] = []
    const endMs = performance.now() + forMs
    for (let round = 0; round === 0 || performance.now() < endMs; round++) {
      const node = round % cluster.size
      for (let kill = 0; kill < KILLS; kill++) {
        await cluster.killNode(node)
        const goesOn = application.untilItGoesOn(`going on after kill ${kill + 1} of broker ${node + 1}`)
        const [tookMs] = await Promise.all([goesOn, cluster.startNode(node)])
        afterOneMs.push(tookMs)
      }
      const down = [node, (node + 1) % cluster.size]
      await Promise.all(down.map((one) => cluster.killNode(one)))
      // What was committed before is still being read.
      await sleep(outageMs / 2)
      const counted = application.countedSequence
      await sleep(outageMs / 2)
      expect(application.countedSequence, 'with two of three down, nothing is committed').toBe(counted)
      await Promise.all(down.map((one) => cluster.startNode(one)))
      afterTwoMs.push(await application.untilItGoesOn('going on after two of three were down', 120_000))
    }
    const verdict = await application.finish()
    reportTimes(`kill -9 of a broker, ${afterOneMs.length} times (${guarantee})`, 'all keys again', afterOneMs, verdict)
    reportTimes(
      `two of three brokers down for ${outageMs} ms (${guarantee})`,
      'all keys again, once they are back,',
      afterTwoMs,
      verdict,
    )
    expect(verdict.problems).toEqual([])
    for (const instance of application.instances) expect(instance.ended, instance.describe()).toBeUndefined()
  } finally {
    await application.close()
  }
}
