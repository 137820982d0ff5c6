import type { Serde } from '../../../common/serde.ts'
import { Print, printedLine, requireWritable } from '../../processors/print.ts'
import { PassThrough } from '../../processors/stateless.ts'
import type { StreamPartitioner, TopicNameExtractor } from '../../topology-nodes.ts'
import { type DroppedOptions, handDropped } from '../dropped.ts'
import type { ExpiringMaterialized, Named, Printed, Produced, Repartitioned } from '../options.ts'
import { defaultPartitioner } from '../windows/windowed-serde.ts'
import { commonSerde, requireSerde } from './context.ts'
import type { StreamNode, TableNode } from './nodes.ts'
import type { Serdes } from './plan.ts'
import { sourceTable } from './source-table.ts'

/** Those of the options before those of the stream. */
export function serdesOf<K, V>(
  { serdes }: StreamNode<K, V>,
  options: { readonly key?: Serde<K>; readonly value?: Serde<V> },
): Serdes<K, V> {
  return { key: options.key ?? serdes.key, value: options.value ?? serdes.value }
}

/** @see KStreamImpl.merge */
export function mergeStreams<K, V>(one: StreamNode<K, V>, other: StreamNode<K, V>, options: Named): StreamNode<K, V> {
  const { context, node, serdes, sources, repartitionRequired } = one
  const name = context.names.orElse(options.name, 'KSTREAM-MERGE-')
  return {
    context,
    node: context.processor(name, [node, other.node], () => new PassThrough(), { merges: true }),
    serdes: {
      key: commonSerde(serdes.key, other.serdes.key),
      value: commonSerde(serdes.value, other.serdes.value),
    },
    sources: new Set([...sources, ...other.sources]),
    repartitionRequired: repartitionRequired || other.repartitionRequired,
  }
}

/** @see KStreamImpl.repartition */
export function repartitionStream<K, V>(stream: StreamNode<K, V>, options: Repartitioned<K, V>): StreamNode<K, V> {
  const { context, node } = stream
  const serdes = serdesOf(stream, options)
  const prefix = options.name ?? context.names.node('KSTREAM-REPARTITION-')
  const plan = context.repartition(node, prefix, serdes as Serdes, {
    partitions: options.partitions,
    partitioner: options.partitioner as StreamPartitioner | undefined,
    fixed: true,
  })
  return { context, node: plan, serdes, sources: new Set([plan.name]), repartitionRequired: false }
}

/** @see KStreamImpl.to */
export function writeStream<K, V>(
  stream: StreamNode<K, V>,
  topic: string | TopicNameExtractor<K, V>,
  options: Produced<K, V>,
): void {
  const { context, node } = stream
  const name = context.names.orElse(options.name, 'KSTREAM-SINK-')
  const serdes = serdesOf(stream, options)
  const what = `sink ${name}${typeof topic === 'string' ? ` to ${topic}` : ''}`
  const key = requireSerde(serdes.key, 'key', what) as Serde<unknown>
  const value = requireSerde(serdes.value, 'value', what) as Serde<unknown>
  const partitioner = (options.partitioner as StreamPartitioner | undefined) ?? defaultPartitioner(key)
  const sink = context.plan.add({
    kind: 'sink',
    name,
    parents: [node],
    topic: topic as string | TopicNameExtractor,
    key,
    value,
    partitioner,
  })
  handDropped(stream, [sink], options)
}

/** @see KStreamImpl.print */
export function printStream<K, V>({ context, node }: StreamNode<K, V>, options: Printed<K, V>): void {
  const name = context.names.orElse(options.name, 'KSTREAM-PRINTER-')
  if (options.file !== undefined) requireWritable(options.file, name)
  const line = printedLine(options.label ?? node.name, options.line)
  context.processor(name, [node], () => new Print(line, options.file))
}

/** @see KStreamImpl.toTable */
export function tableOfStream<K, V>(
  stream: StreamNode<K, V>,
  options: ExpiringMaterialized<K, V> & DroppedOptions<K, V>,
): TableNode<K, V> {
  const { context } = stream
  const name = context.names.orElse(options.name, 'KSTREAM-TOTABLE-')
  const store = options.store ?? context.names.store('KSTREAM-TOTABLE-')
  const serdes = serdesOf(stream, options)
  const repartition = stream.repartitionRequired ? context.repartition(stream.node, name, serdes as Serdes) : undefined
  const parent = repartition ?? stream.node
  const sources = repartition === undefined ? stream.sources : new Set([repartition.name])
  return sourceTable(context, { name, store, parent, serdes, sources, options })
}
