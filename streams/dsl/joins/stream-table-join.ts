import { type Duration, durationMs } from '../../../common/duration.ts'
import { InvalidArgumentError } from '../../../common/errors.ts'
import { recordBuffer } from '../../../stores/buffers/record-buffer-builder.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import { TopologyError } from '../../errors.ts'
import { StreamTableJoin } from '../../processors/joins/stream-table-join.ts'
import type { TableView } from '../../processors/tables/table-view.ts'
import { handDropped } from '../dropped.ts'
import type { Joined, JoinedAsOf, Materialized, StreamJoinedAsOf } from '../options.ts'
import { requireSerde } from '../plan/context.ts'
import type { StreamNode, TableNode } from '../plan/nodes.ts'
import type { Serdes } from '../plan/plan.ts'
import { repartitionForJoin } from './stream-joins.ts'

/** @see KStreamImpl.doStreamTableJoin */
export function joinTable<K, V, T, R>(
  left: boolean,
  stream: StreamNode<K, V>,
  table: TableNode<K, T>,
  joiner: (value: V, row: T | undefined, key: K) => R,
  options: Joined<K, V> | JoinedAsOf<K, V>,
): StreamNode<K, R> {
  const serdes = { key: options.key ?? stream.serdes.key, value: options.value ?? stream.serdes.value }
  const from = stream.repartitionRequired
    ? repartitionForJoin(stream, options.name ?? stream.node.name, serdes)
    : stream
  const { context } = from
  const sources = new Set([...from.sources, ...table.sources])
  context.copartition(sources)
  const name = context.names.orElse(options.name, left ? 'KSTREAM-LEFTJOIN-' : 'KSTREAM-JOIN-')
  const view = table.view()
  const buffer = options.grace === undefined ? undefined : graceBuffer(name, options.grace, table, view, serdes)
  const toleranceMs = toleranceOf(name, 'tolerance' in options ? options.tolerance : undefined)
  const node = context.processor(
    name,
    [from.node],
    () =>
      new StreamTableJoin<K, V, K, T, R>({
        view,
        joiner,
        left,
        keyOf: (_value, key) => key,
        kept: context.isRetained(node),
        asOf: table.versioned,
        toleranceMs,
        buffer: buffer?.name,
      }),
    {
      stores: () => (buffer === undefined ? [] : [buffer]),
      connects: () => view.storeNames(),
      takesNullKeys: left,
      retains: buffer !== undefined,
    },
  )
  handDropped({ context, serdes, sources, repartitionRequired: false }, [node], options)
  return { context, node, serdes: { key: serdes.key, value: undefined }, sources, repartitionRequired: false }
}

/** An as-of join of a table: of a time, so the table must have a history. */
export function joinTableAsOf<K, V, T, R>(
  left: boolean,
  stream: StreamNode<K, V>,
  table: TableNode<K, T>,
  joiner: (value: V, row: T | undefined, key: K) => R,
  options: JoinedAsOf<K, V>,
): StreamNode<K, R> {
  if (table.versioned !== true)
    throw new TopologyError(
      `${table.node.name} is joined as of a time and must be a versioned table: give it versioned: { historyRetention: … }`,
      { nodes: [table.node.name] },
    )
  return joinTable(left, stream, table, joiner, options)
}

/** How the other stream of an as-of join is kept. Its nodes are named after the join. */
export function asOfTable<K, V, V2>(options: StreamJoinedAsOf<K, V, V2>): Materialized<K, V2> {
  const { name, key, otherValue, versioned, store, persistent, logging } = options
  return {
    versioned,
    ...(name === undefined ? {} : { name: `${name}-table` }),
    ...(key === undefined ? {} : { key }),
    ...(otherValue === undefined ? {} : { value: otherValue }),
    ...(store === undefined ? {} : { store }),
    ...(persistent === undefined ? {} : { persistent }),
    ...(logging === undefined ? {} : { logging }),
  }
}

/** @see StreamTableJoinNode: the table's history must reach as far back as the stream is held back */
function graceBuffer<K, V>(
  name: string,
  grace: Duration,
  table: TableNode<K, unknown>,
  { historyRetentionMs }: TableView<K, unknown>,
  serdes: Serdes<K, V>,
): StoreBuilder {
  const graceMs = durationMs(grace, `grace of join ${name}`)
  if (graceMs < 0) throw new InvalidArgumentError(`grace of join ${name} must not be negative, got ${graceMs} ms`)
  if (table.versioned !== true || historyRetentionMs === undefined)
    throw new TopologyError(`${table.node.name} is joined with grace by ${name} and must be a versioned table`, {
      nodes: [name, table.node.name],
    })
  if (graceMs > historyRetentionMs)
    throw new TopologyError(
      `${name} waits ${graceMs} ms and needs a history of ${table.node.name} that is not shorter: it has ${historyRetentionMs} ms`,
      { nodes: [name, table.node.name] },
    )
  const buffer = `${name}-Buffer`
  return recordBuffer(buffer, {
    key: requireSerde(serdes.key, 'key', `buffer ${buffer}`),
    value: requireSerde(serdes.value, 'value', `buffer ${buffer}`),
    graceMs,
  }) as unknown as StoreBuilder
}

function toleranceOf(name: string, tolerance: Duration | undefined): number | undefined {
  if (tolerance === undefined) return undefined
  const toleranceMs = durationMs(tolerance, `tolerance of join ${name}`)
  if (toleranceMs < 0) throw new InvalidArgumentError(`tolerance of join ${name} must not be negative`)
  return toleranceMs
}
