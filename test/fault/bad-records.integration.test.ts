import { afterEach, beforeEach, describe, it } from 'vitest'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { survivesBadRecords } from './bad-records.ts'

let kafka: KafkaProvider

beforeEach(() => {
  kafka = createKafkaProvider({ brokers: (process.env['BROOK_TEST_BROKERS'] ?? '').split(',') })
})
afterEach(() => kafka.close())

describe.each(['at_least_once', 'exactly_once'] as const)('on a real broker, %s', (guarantee) => {
  const name = `bad-${guarantee.replaceAll('_', '-')}-${Date.now()}`

  it('bytes at random each become one dead letter, and the good records are all counted', { timeout: 120_000 }, () =>
    survivesBadRecords(kafka, name, { guarantee, records: 2_000, largeBytes: 0, seed: 5 }),
  )

  it('so do records of 10 MB that are too large for what is written', { timeout: 120_000 }, () =>
    survivesBadRecords(kafka, `${name}-large`, { guarantee, records: 400, largeBytes: 10_000_000, seed: 6 }),
  )
})
