import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { administration } from './contract/administration.ts'
import { groupAdministration } from './contract/group-admin.ts'
import { groups } from './contract/groups.ts'
import { type ContractTarget, Harness } from './contract/harness.ts'
import { lifecycle } from './contract/lifecycle.ts'
import { producingAndReading } from './contract/log.ts'
import { transactions } from './contract/transactions.ts'

export type { ContractTarget } from './contract/harness.ts'

/**
 * What every `KafkaProvider` promises, as a vitest suite in terms of `port.ts` alone. `open` gives a provider and a prefix
 * for topic and group names that nobody else uses; it is called once for the suite and once more for the test of closing.
 * `close` of the target ends what `open` started and tolerates a provider that is closed already.
 */
export function kafkaProviderContract(name: string, open: () => Promise<ContractTarget>): void {
  describe(`${name} keeps the contract of a Kafka provider`, { timeout: 60_000 }, () => {
    let harness: Harness | undefined
    const current = () => {
      if (!harness) throw new Error('the provider did not open')
      return harness
    }

    beforeAll(async () => {
      harness = new Harness(await open())
      await harness.provider.connect()
    }, 60_000)
    afterEach(() => harness?.closeClients(), 60_000)
    afterAll(() => harness?.close(), 60_000)

    lifecycle(current, open)
    producingAndReading(current)
    administration(current)
    groups(current)
    groupAdministration(current)
    transactions(current)
  })
}
