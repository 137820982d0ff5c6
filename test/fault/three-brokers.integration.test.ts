import { afterAll, beforeAll, describe, it } from 'vitest'
import type { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import { killBrokers } from './killed-brokers.ts'
import { killOneAtEveryStep } from './killed-instances.ts'
import { pauseBeyondTheSession } from './paused-instances.ts'
import { startThreeBrokers } from './three-brokers.ts'

const LOAD = 240

let cluster: KafkaCluster
let stop: (() => Promise<void>) | undefined

beforeAll(async () => {
  const started = await startThreeBrokers()
  cluster = started.cluster
  stop = started.stop
}, 180_000)
afterAll(() => stop?.(), 60_000)

describe('on three brokers, three instances of which one is killed at every step of a commit', () => {
  it.concurrent.each(['exactly_once', 'at_least_once'] as const)(
    'lose nothing, and double nothing under exactly once (%s)',
    { timeout: 300_000 },
    (guarantee) => killOneAtEveryStep({ brokers: cluster.brokers, guarantee, load: LOAD, forMs: 0 }),
  )
})

describe('on three brokers, an instance that stands still for longer than its session', () => {
  it('is fenced, writes nothing more, and gets its share again', { timeout: 300_000 }, () =>
    pauseBeyondTheSession({ brokers: cluster.brokers, load: LOAD, stops: 3, forMs: 0 }),
  )
})

describe('three brokers of which one is killed five times, and then two at once', () => {
  it('stall the application, which goes on by itself and loses and doubles nothing', { timeout: 300_000 }, () =>
    killBrokers({ cluster, guarantee: 'exactly_once', load: LOAD, outageMs: 5_000, forMs: 0 }),
  )
})
