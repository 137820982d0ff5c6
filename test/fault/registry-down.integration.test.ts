import { afterEach, beforeEach, describe, it } from 'vitest'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import type { KafkaProvider } from '../../kafka/port.ts'
import { survivesRegistryOutage } from './registry-down.ts'

let kafka: KafkaProvider

beforeEach(() => {
  kafka = createKafkaProvider({ brokers: (process.env['BROOK_TEST_BROKERS'] ?? '').split(',') })
})
afterEach(() => kafka.close())

describe('with a real broker and a real registry, a registry that goes away during processing', () => {
  it.each(['at_least_once', 'exactly_once'] as const)(
    'holds up only the tasks that need it, and nothing is lost or doubled (%s)',
    { timeout: 120_000 },
    (guarantee) => {
      const name = `registry-${guarantee.replaceAll('_', '-')}-${Date.now()}`
      return survivesRegistryOutage(kafka, process.env['BROOK_TEST_REGISTRY'] ?? '', name, guarantee)
    },
  )
})
