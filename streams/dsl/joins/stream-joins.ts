import { Stores } from '../../../stores/stores.ts'
import { sharedTrackers } from '../../processors/joins/join-time-tracker.ts'
import { outerKeySerde, outerValueSerde } from '../../processors/joins/outer-join-serdes.ts'
import { selfJoin } from '../../processors/joins/stream-self-join.ts'
import { StreamJoinWindow, StreamStreamJoin } from '../../processors/joins/stream-stream-join.ts'
import { StreamTableJoin } from '../../processors/joins/stream-table-join.ts'
import { PassThrough } from '../../processors/stateless.ts'
import { type DroppedOptions, handDropped } from '../dropped.ts'
import type { GlobalKTable } from '../global-ktable.ts'
import type { Named, StreamJoined } from '../options.ts'
import { commonSerde, requireSerde } from '../plan/context.ts'
import type { StreamNode } from '../plan/nodes.ts'
import type { Serdes } from '../plan/plan.ts'
import type { JoinWindows } from '../windows/windows.ts'

export type StreamJoinKind = 'inner' | 'left' | 'outer'

/** @see KStreamImpl.globalTableJoin: both kinds are named LEFTJOIN there */
export function joinGlobalTable<K, V, G, T, R>(
  left: boolean,
  stream: StreamNode<K, V>,
  table: GlobalKTable<G, T>,
  selectKey: (value: V, key: K) => G | null,
  joiner: (value: V, row: T | undefined, key: K) => R,
  options: Named & DroppedOptions<K, V>,
): StreamNode<K, R> {
  const { context, node, serdes, sources, repartitionRequired } = stream
  const name = context.names.orElse(options.name, 'KSTREAM-LEFTJOIN-')
  const plan = context.processor(
    name,
    [node],
    () => new StreamTableJoin<K, V, G, T, R>({ view: table.view, joiner, left, keyOf: selectKey, kept: false }),
    { takesNullKeys: left, changes: 'value' },
  )
  handDropped(stream, [plan], options)
  return { context, node: plan, serdes: { key: serdes.key, value: undefined }, sources, repartitionRequired }
}

/** @see KStreamImplJoin.join */
export function joinStreams<K, V, V2, R>(
  kind: StreamJoinKind,
  thisStream: StreamNode<K, V>,
  otherStream: StreamNode<K, V2>,
  joiner: (value: V | undefined, otherValue: V2 | undefined, key: K) => R,
  windows: JoinWindows,
  options: StreamJoined<K, V, V2>,
): StreamNode<K, R> {
  const { context } = thisStream
  const { names } = context
  const leftOuter = kind !== 'inner'
  const rightOuter = kind === 'outer'
  const keySerde = options.key ?? thisStream.serdes.key ?? otherStream.serdes.key
  const serdes = { key: keySerde, value: options.value ?? thisStream.serdes.value }
  const otherSerdes = { key: keySerde, value: options.otherValue ?? otherStream.serdes.value }
  const left = thisStream.repartitionRequired
    ? repartitionForJoin(thisStream, options.name === undefined ? thisStream.node.name : `${options.name}-left`, serdes)
    : thisStream
  const right = otherStream.repartitionRequired
    ? repartitionForJoin(
        otherStream,
        options.name === undefined ? otherStream.node.name : `${options.name}-right`,
        otherSerdes,
      )
    : otherStream
  const sources = new Set([...left.sources, ...right.sources])
  context.copartition(sources)

  const thisSuffix = rightOuter ? '-outer-this-join' : '-this-join'
  const otherSuffix = leftOuter ? '-outer-other-join' : '-other-join'
  const thisWindowed = names.suffixed(options.name, '-this-windowed', 'KSTREAM-WINDOWED-')
  const otherWindowed = names.suffixed(options.name, '-other-windowed', 'KSTREAM-WINDOWED-')
  const thisGenerated = names.node(rightOuter ? 'KSTREAM-OUTERTHIS-' : 'KSTREAM-JOINTHIS-')
  const otherGenerated = names.node(leftOuter ? 'KSTREAM-OUTEROTHER-' : 'KSTREAM-JOINOTHER-')
  const thisName = options.name === undefined ? thisGenerated : `${options.name}${thisSuffix}`
  const otherName = options.name === undefined ? otherGenerated : `${options.name}${otherSuffix}`
  const mergeName = names.suffixed(options.name, '-merge', 'KSTREAM-MERGE-')

  const what = `join ${mergeName}`
  const key = requireSerde(serdes.key, 'key', what)
  const value = requireSerde(serdes.value, 'value', what)
  const otherValue = requireSerde(otherSerdes.value, 'value', `${what} (other side)`)
  const shared = {
    windowSize: windows.sizeMs,
    // A window that does not reach to its record's own time is open for longer than it is wide.
    retention: Math.max(windows.sizeMs, windows.beforeMs, windows.afterMs) + windows.graceMs,
    retainDuplicates: true,
    persistent: options.persistent ?? true,
    logging: options.logging ?? true,
  }
  const thisStore = Stores.windowStore<K, V>(
    `${options.store === undefined ? thisGenerated : `${options.store}${thisSuffix}`}-store`,
    { key, value, ...shared },
  )
  const otherStore = Stores.windowStore<K, V2>(
    `${options.store === undefined ? otherGenerated : `${options.store}${otherSuffix}`}-store`,
    { key, value: otherValue, ...shared },
  )
  const outerStore = leftOuter
    ? Stores.keyValueStore(outerStoreName(options.store, thisGenerated, rightOuter), {
        key: outerKeySerde(key),
        value: outerValueSerde(value, otherValue),
        persistent: shared.persistent,
        logging: shared.logging,
      })
    : undefined

  const trackerOf = sharedTrackers()
  const thisWindow = context.processor(thisWindowed, [left.node], () => new StreamJoinWindow(thisStore.name), {
    stores: () => [thisStore as never],
    retains: true,
  })
  const otherWindow = context.processor(otherWindowed, [right.node], () => new StreamJoinWindow(otherStore.name), {
    stores: () => [otherStore as never],
    retains: true,
  })
  const common = { windows, outerStore: outerStore?.name, trackerOf }
  const outerStores = (): readonly never[] => (outerStore === undefined ? [] : [outerStore as never])
  const joinThis = context.processor(
    thisName,
    [thisWindow],
    () =>
      new StreamStreamJoin<K, V, V2, R>({
        ...common,
        isLeft: true,
        otherStore: otherStore.name,
        joiner,
        outer: leftOuter,
      }),
    {
      stores: outerStores,
      connects: () => [otherStore.name],
      retains: leftOuter,
      takesNullKeys: leftOuter,
    },
  )
  const joinOther = context.processor(
    otherName,
    [otherWindow],
    () =>
      new StreamStreamJoin<K, V2, V, R>({
        ...common,
        isLeft: false,
        otherStore: thisStore.name,
        joiner: (b, a, k) => joiner(a, b, k),
        outer: rightOuter,
      }),
    {
      stores: outerStores,
      connects: () => [thisStore.name],
      retains: leftOuter,
      takesNullKeys: leftOuter,
    },
  )
  const merge = context.processor(mergeName, [joinThis, joinOther], () => new PassThrough(), {
    takesNullKeys: leftOuter,
    streamJoin: {
      windows: [thisWindow, otherWindow],
      sides: [joinThis, joinOther],
      self: selfJoin(kind, thisStore.name, windows, joiner as never),
    },
  })
  const input = { context, serdes: { key, value: undefined }, sources, repartitionRequired: false }
  handDropped<K, V | V2>(input, [joinThis, joinOther], options)
  const outKey = options.key ?? commonSerde(left.serdes.key, right.serdes.key)
  return { context, node: merge, serdes: { key: outKey, value: undefined }, sources, repartitionRequired: false }
}

/** @see OuterStreamJoinStoreFactory.buildOuterJoinWindowStoreName */
function outerStoreName(store: string | undefined, thisGenerated: string, rightOuter: boolean): string {
  const kind = rightOuter ? 'outer' : 'left'
  if (store !== undefined) return `${store}-${kind}-shared-join-store`
  return `KSTREAM-OUTERSHARED-${thisGenerated.slice(-10)}-store`
}

/** Joins of one stream share its repartition topic unless they name their own; the numbers are taken all the same. @see KStreamImpl.repartitionForJoin */
export function repartitionForJoin<K, V>(
  stream: StreamNode<K, V>,
  prefix: string,
  serdes: Serdes<K, V>,
): StreamNode<K, V> {
  const { context, node } = stream
  if (stream.joinRepartition !== undefined && prefix === node.name) context.burnRepartition()
  else stream.joinRepartition = context.repartition(node, prefix, serdes as Serdes)
  const plan = stream.joinRepartition
  return { context, node: plan, serdes, sources: new Set([plan.name]), repartitionRequired: false }
}
