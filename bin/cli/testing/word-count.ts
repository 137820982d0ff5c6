import { StreamsBuilder, serdes, TimeWindows, type Topology } from '../../../streams/index.ts'

export const WORDS = 'cli-words'
export const COUNTS = 'cli-counts'

/** Counts words under a key that changes, so that there is a repartition topic and a second sub-topology; and per window. */
export function wordCount(store: string, windowMs: number): Topology {
  const builder = new StreamsBuilder()
  const words = builder
    .stream(WORDS, { key: serdes.string, value: serdes.string })
    .map((value) => [value, value])
    .groupByKey({ name: 'by-word', key: serdes.string, value: serdes.string })
  words.count({ store }).toStream().to(COUNTS, { key: serdes.string, value: serdes.long })
  words.windowedBy(TimeWindows.ofSizeAndGrace(windowMs, '30m')).count({ store: 'word-windows', retention: '1h' })
  return builder.build()
}

export default (): Topology => wordCount('word-counts', 60_000)
