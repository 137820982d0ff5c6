/** Stores of every kind, for the tests of queries over stream threads: each thread imports this module for itself. */
import { SessionWindows, StreamsBuilder, serdes, TimeWindows, type Topology } from '../../streams/index.ts'

export interface QuerySettings {
  /** Prefix of the topics `<name>-words`, `<name>-rows` and `<name>-names`. */
  readonly name: string
}

const TEXT = { key: serdes.string, value: serdes.string }

export default function queryTopology({ name }: QuerySettings): Topology {
  const builder = new StreamsBuilder()
  const words = builder.stream(`${name}-words`, TEXT).groupByKey()
  words.count({ store: 'counts' })
  words.windowedBy(TimeWindows.ofSizeAndGrace('1m', '1h')).count({ store: 'windows' })
  words.windowedBy(SessionWindows.ofInactivityGapAndGrace('1m', '1h')).count({ store: 'sessions' })
  builder.table(`${name}-rows`, { ...TEXT, store: 'history', versioned: { historyRetention: '1h' } })
  builder.globalTable(`${name}-names`, { ...TEXT, store: 'names' })
  return builder.build()
}
