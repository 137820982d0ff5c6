import { InvalidArgumentError } from '../../../common/errors.ts'
import { type Serde, serdes } from '../../../common/serde.ts'
import { Stores } from '../../../stores/stores.ts'
import { ForeignTableJoin } from '../../processors/joins/foreign-key/foreign-table-join.ts'
import { ResponseJoin } from '../../processors/joins/foreign-key/response-join.ts'
import type { SubscriptionAnswer } from '../../processors/joins/foreign-key/subscription.ts'
import { SubscriptionJoin } from '../../processors/joins/foreign-key/subscription-join.ts'
import { SubscriptionReceive } from '../../processors/joins/foreign-key/subscription-receive.ts'
import { SubscriptionSend } from '../../processors/joins/foreign-key/subscription-send.ts'
import { subscriptionAnswerSerde, subscriptionSerde } from '../../processors/joins/foreign-key/subscription-serdes.ts'
import type { StreamPartitioner } from '../../topology-nodes.ts'
import { type ForeignDroppedOptions, handDropped } from '../dropped.ts'
import type { TableJoined } from '../options.ts'
import { requireSerde } from '../plan/context.ts'
import type { TableNode } from '../plan/nodes.ts'
import { sourceTable } from '../plan/source-table.ts'
import { defaultPartitioner } from '../windows/windowed-serde.ts'

const FK = 'KTABLE-FK-JOIN-'

export interface ForeignKeyJoin<K, V, K2, V2, R> {
  readonly foreignKey: (value: V, key: K) => K2 | null | undefined
  readonly joiner: (value: V, otherValue: V2 | undefined, key: K) => R
  readonly left: boolean
}

/**
 * Left rows subscribe to right rows over one topic, and get answers over another: two sub-topologies, each with the partitions of
 * its own table. @see KTableImpl.doJoinOnForeignKey
 */
export function joinTablesOnForeignKey<K, V, K2, V2, R>(
  table: TableNode<K, V>,
  other: TableNode<K2, V2>,
  { foreignKey, joiner, left }: ForeignKeyJoin<K, V, K2, V2, R>,
  options: TableJoined<K, K2, R> & ForeignDroppedOptions<K, V, K2, V2>,
): TableNode<K, R> {
  const { context } = table
  const { names } = context
  const { name } = options
  other.enableOldValues(true)
  table.enableOldValues(true)
  const registrationTopic = `${names.suffixed(name, '-subscription-registration', `${FK}SUBSCRIPTION-REGISTRATION-`)}-topic`
  const what = `the foreign-key join over ${registrationTopic}`
  const key = requireSerde(table.serdes.key, 'key', `${what} (left table)`)
  const value = requireSerde(table.serdes.value, 'value', `${what} (left table)`)
  const otherKey = requireSerde(other.serdes.key, 'key', `${what} (right table)`)
  const otherValue = requireSerde(other.serdes.value, 'value', `${what} (right table)`)

  // A task makes its nodes one after the other, these two of one join in this order.
  let sender: SubscriptionSend<K, V, K2>
  const send = context.processor(
    names.suffixed(name, '-subscription-registration-processor', `${FK}SUBSCRIPTION-REGISTRATION-`),
    [table.node],
    () => {
      sender = new SubscriptionSend({
        foreignKey,
        foreignKeySerde: otherKey,
        valueSerde: value,
        registrationTopic,
        left,
      })
      return sender
    },
  )
  const registration = context.plan.add({
    kind: 'repartition' as const,
    sinkName: names.suffixed(name, '-subscription-registration-sink', 'KTABLE-SINK-'),
    name: names.suffixed(name, '-subscription-registration-source', 'KTABLE-SOURCE-'),
    parents: [send],
    topic: registrationTopic,
    partitions: undefined,
    filterName: undefined,
    key: otherKey as Serde<unknown>,
    value: subscriptionSerde({
      key,
      foreignKey: otherKey,
      value,
      registrationTopic: (topic) => topic,
    }) as Serde<unknown>,
    partitioner: onlyOne(options.otherPartitioner, what) ?? notForNull(defaultPartitioner(otherKey as Serde<unknown>)),
  })
  context.copartition(new Set([...other.sources, registration.name]))

  const store = names.suffixed(name, '-subscription-store', `${FK}SUBSCRIPTION-STATE-STORE-`)
  const subscriptions = Stores.keyValueStore(store, {
    key: serdes.bytes,
    value: subscriptionSerde({
      key,
      foreignKey: otherKey,
      registrationTopic: (changelog) =>
        `${changelog.slice(0, changelog.length - `${store}-changelog`.length)}${registrationTopic}`,
    }),
  })
  const stored = { stores: () => [subscriptions as never] }
  const storeOptions = { store, keySerde: key, foreignKeySerde: otherKey, registrationTopic }
  const receive = context.processor(
    names.suffixed(name, '-subscription-receive', `${FK}SUBSCRIPTION-PROCESSOR-`),
    [registration],
    () => new SubscriptionReceive(storeOptions),
    stored,
  )
  const otherView = other.view()
  const joinForeign = context.processor(
    names.suffixed(name, '-subscription-join-foreign', `${FK}SUBSCRIPTION-PROCESSOR-`),
    [receive],
    () => new SubscriptionJoin<K, K2, V2>(otherView),
    { connects: () => otherView.storeNames() },
  )
  const foreignJoin = context.processor(
    names.suffixed(name, '-foreign-join-subscription', `${FK}SUBSCRIPTION-PROCESSOR-`),
    [other.node],
    () => new ForeignTableJoin<K, K2, V2>(storeOptions),
    stored,
  )

  const responseTopic = `${names.suffixed(name, '-subscription-response', `${FK}SUBSCRIPTION-RESPONSE-`)}-topic`
  const response = context.plan.add({
    kind: 'repartition' as const,
    sinkName: names.suffixed(name, '-subscription-response-sink', 'KTABLE-SINK-'),
    name: names.suffixed(name, '-subscription-response-source', 'KTABLE-SOURCE-'),
    parents: [joinForeign, foreignJoin],
    topic: responseTopic,
    partitions: undefined,
    filterName: undefined,
    key: key as Serde<unknown>,
    value: subscriptionAnswerSerde(otherValue) as Serde<unknown>,
    partitioner: onlyOne(options.partitioner, what) ?? toPrimaryPartition,
  })
  const sources = new Set([...table.sources, response.name])
  context.copartition(sources)

  const view = table.view()
  const resolve = context.processor(
    names.suffixed(name, '-subscription-response-resolver', `${FK}SUBSCRIPTION-RESPONSE-RESOLVER-PROCESSOR-`),
    [response],
    () =>
      new ResponseJoin({
        rows: view,
        valueSerde: value,
        joiner,
        registrationTopic,
        left,
        sender,
        self: table.node === other.node,
        kept: context.isRetained(resolve),
      }),
    { connects: () => view.storeNames() },
  )
  const dropping = { context, sources, repartitionRequired: false }
  handDropped<K, V | V2>({ ...dropping, serdes: { key, value: undefined } }, [send, resolve], options)
  if (options.droppedOther !== undefined)
    handDropped<K2, V2>(
      { ...dropping, sources: other.sources, serdes: { key: otherKey, value: undefined } },
      [foreignJoin],
      {
        dropped: options.droppedOther,
      },
    )
  const { key: _key, value: _value, name: _name, dropped: _dropped, droppedOther: _other, ...materialized } = options
  return sourceTable<K, R>(context, {
    name: names.suffixed(name, '-result', `${FK}OUTPUT-`),
    store: options.store ?? names.store(`${FK}OUTPUT-`),
    parent: resolve,
    serdes: { key: options.key ?? key, value: options.value },
    sources,
    options: materialized,
  })
}

/** The partition of the left row, which need not be that of its key's hash (rule 36). Subscriptions of version 0 do not know it. */
const toPrimaryPartition: StreamPartitioner = (_topic, _key, answer) => {
  const { primaryPartition } = answer as SubscriptionAnswer<unknown>
  return primaryPartition === undefined ? undefined : [primaryPartition]
}

/** The user's partitioner sees no value: the topics carry none of the tables'. A row is in one partition. */
function onlyOne<K>(partitioner: StreamPartitioner<K, null> | undefined, what: string): StreamPartitioner | undefined {
  if (partitioner === undefined) return undefined
  return notForNull((topic, key, _value, count) => {
    const partitions = partitioner(topic, key as K, null, count)
    if (partitions !== undefined && partitions.length !== 1)
      throw new InvalidArgumentError(
        `a partitioner of ${what} must give one partition, or undefined for Kafka's own, and gave [${partitions.join(', ')}]`,
      )
    return partitions
  })
}

/** A left row without a foreign key subscribes nowhere; any partition answers it. */
function notForNull(partitioner: StreamPartitioner | undefined): StreamPartitioner | undefined {
  if (partitioner === undefined) return undefined
  return (topic, key, value, count) => (key === null ? undefined : partitioner(topic, key, value, count))
}
