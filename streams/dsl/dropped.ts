import { type Serde, serdes as standard } from '../../common/serde.ts'
import type { DroppedRecord } from '../dropped-record.ts'
import { PassThrough } from '../processors/stateless.ts'
import type { KStream } from './kstream.ts'
import type { Consumed } from './options.ts'
import type { BuilderContext } from './plan/context.ts'
import type { StreamNode } from './plan/nodes.ts'
import type { PlanNode } from './plan/plan.ts'

/** For operators that drop records. */
export interface DroppedOptions<K, V> {
  /**
   * Is given a stream of the records that this operator drops, with the reason: it goes on in the same task, and into the same commit. Its
   * values are of no known serde. Creates node `<operator>-dropped`; without it drops are only counted.
   */
  readonly dropped?: (stream: KStream<K | null, DroppedRecord<V>>) => void
}

/** For foreign-key joins, which work in the sub-topologies of both tables. */
export interface ForeignDroppedOptions<K, V, K2, V2> extends DroppedOptions<K, V | V2> {
  /** As `dropped`, with rows of the right table. */
  readonly droppedOther?: (stream: KStream<K2 | null, DroppedRecord<V2>>) => void
}

/** Makes the stream that was asked for. `input`: what the operator takes, after its repartition topic if it has one. */
export function handDropped<K, V>(
  input: Pick<StreamNode<K, V>, 'context' | 'serdes' | 'sources' | 'repartitionRequired'>,
  operators: readonly PlanNode[],
  { dropped }: DroppedOptions<K, V>,
): void {
  if (dropped === undefined) return
  const { context, serdes, sources, repartitionRequired } = input
  const name = `${(operators[0] as PlanNode).name}-dropped`
  const node = context.processor(name, operators, () => new PassThrough(), {
    takesDropped: true,
    changes: 'value',
  })
  dropped(
    context.make.stream<K | null, DroppedRecord<V>>({
      context,
      node,
      serdes: { key: serdes.key as never, value: undefined },
      sources,
      repartitionRequired,
    }),
  )
}

/** The stream of what a source drops before it is read. `name`: of the source, or of the stream that shares it. */
export function handUnread(
  context: BuilderContext,
  name: string,
  source: PlanNode,
  { droppedUnread }: Pick<Consumed<never, never>, 'droppedUnread'>,
): void {
  if (droppedUnread === undefined) return
  const node = context.processor(`${name}-dropped`, [source], () => new PassThrough(), {
    takesDropped: true,
    changes: 'value',
  })
  const serdes = { key: standard.bytes as Serde<Buffer | null>, value: undefined }
  const sources = new Set([source.name])
  droppedUnread(context.make.stream({ context, node, serdes, sources, repartitionRequired: false }))
}
