import { afterAll, beforeAll, describe, it } from 'vitest'
import type { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import { killBrokers } from '../fault/killed-brokers.ts'
import { killOneAtEveryStep } from '../fault/killed-instances.ts'
import { pauseBeyondTheSession } from '../fault/paused-instances.ts'
import { startThreeBrokers } from '../fault/three-brokers.ts'
import { soakLimitMs, soakMs } from '../support/soak.ts'

const TESTS = 5
const GUARANTEES = ['exactly_once', 'at_least_once'] as const
const timeout = soakLimitMs(TESTS)
const load = 480
/** Longer than any one question is asked, and than a transaction may be open. */
const OUTAGE_MS = 75_000

let cluster: KafkaCluster
let stop: (() => Promise<void>) | undefined

beforeAll(async () => {
  const started = await startThreeBrokers()
  cluster = started.cluster
  stop = started.stop
}, 180_000)
afterAll(() => stop?.(), 60_000)

describe('for long, on three brokers', () => {
  it.each(GUARANTEES)(
    'an instance is killed at every step of a commit, again and again (%s)',
    { timeout },
    (guarantee) =>
      killOneAtEveryStep({
        brokers: cluster.brokers,
        guarantee,
        load,
        forMs: soakMs(TESTS),
        numStandbyReplicas: guarantee === 'exactly_once' ? 1 : 0,
      }),
  )

  it('an instance stands still, for longer than its session or not quite', { timeout }, () =>
    pauseBeyondTheSession({ brokers: cluster.brokers, load, stops: 6, forMs: soakMs(TESTS), numStandbyReplicas: 1 }),
  )

  it.each(GUARANTEES)('brokers are killed five times each, and then two at once (%s)', { timeout }, (guarantee) =>
    killBrokers({ cluster, guarantee, load, outageMs: OUTAGE_MS, forMs: soakMs(TESTS) }),
  )
})
