import { type Awaitable, chain } from '../../../../common/awaitable.ts'
import type { ValueAndTimestamp } from '../../../../stores/state-store.ts'
import type { StreamRecord } from '../../../record.ts'
import type { Processor, ProcessorContext } from '../../processor.ts'
import type { RowGetter, TableView } from '../../tables/table-view.ts'
import { type CombinedKey, INSTRUCTION, type Subscription, type SubscriptionAnswer } from './subscription.ts'

type Taken<K, K2> = StreamRecord<CombinedKey<K2, K>, Subscription<K>>

/**
 * Answers a subscription with the right table's row, as its instruction says. An answer has the later time of subscription and
 * row, and the subscription's headers.
 * @see SubscriptionJoinProcessorSupplier
 */
export class SubscriptionJoin<K, K2, V2>
  implements Processor<CombinedKey<K2, K>, Subscription<K>, K, SubscriptionAnswer<V2>>
{
  readonly #right: TableView<K2, V2>
  #context!: ProcessorContext<K, SubscriptionAnswer<V2>>
  #row!: RowGetter<K2, V2>

  constructor(right: TableView<K2, V2>) {
    this.#right = right
  }

  init(context: ProcessorContext<K, SubscriptionAnswer<V2>>): void {
    this.#context = context
    this.#row = this.#right.getter(context as ProcessorContext, false, true)
  }

  process(record: Taken<K, K2>): Awaitable<void> {
    if (record.value.instruction === INSTRUCTION.deleteSilently) return
    const { foreignKey } = record.key
    return chain(foreignKey === null ? undefined : this.#row(foreignKey), (row) => this.#answer(record, row))
  }

  #answer(record: Taken<K, K2>, row: ValueAndTimestamp<V2> | undefined): Awaitable<void> {
    const { hash, instruction, primaryKey, primaryPartition } = record.value
    if (instruction === INSTRUCTION.answerIfRow && row === undefined) return
    const value = instruction === INSTRUCTION.deleteAndAnswer ? null : (row?.value ?? null)
    return this.#context.forward(
      record
        .withKey(primaryKey)
        .withValue({ hash, value, primaryPartition })
        .withTimestamp(Math.max(record.timestampMs, row?.timestampMs ?? record.timestampMs)),
    )
  }
}
