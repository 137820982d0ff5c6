import { afterEach, beforeEach, describe, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../kafka/embedded.ts'
import { survivesBadRecords } from './bad-records.ts'

let kafka: EmbeddedProvider

beforeEach(() => {
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
})
afterEach(() => kafka.close())

describe.each(['at_least_once', 'exactly_once'] as const)('bytes at random between good records, %s', (guarantee) => {
  it.each([1, 2, 3])(
    'each become one dead letter, and the good ones are all counted (seed %i)',
    { timeout: 60_000 },
    (seed) => survivesBadRecords(kafka, 'bad', { guarantee, records: 2_000, largeBytes: 0, seed }),
  )

  it('so do records of 3 MB that are too large for what is written', { timeout: 60_000 }, () =>
    survivesBadRecords(kafka, 'large', { guarantee, records: 400, largeBytes: 3_000_000, seed: 4 }),
  )
})
