import {
  JoinWindows,
  type KStream,
  type KTable,
  type Materialized,
  type StreamJoined,
  type StreamsBuilder,
  serdes,
  TimeWindows,
  type Topology,
  type TopologyTestDriverOptions,
  type Windowed,
} from '../../../streams/index.ts'

export type Text = string
export type TextStream = KStream<Text, Text>
export type TextTable = KTable<Text, Text>
export type Build = (b: StreamsBuilder) => void

/** A scenario with more to say than its topology. */
export interface Scenario {
  readonly build?: Build
  /** In place of `build`: a topology of the Processor API, or one that is built with settings. */
  readonly topology?: () => Topology
  /** Settings of the test driver, where the Java side has `config(…)`. */
  readonly driver?: Partial<TopologyTestDriverOptions>
  /** It keeps what a restart loses. */
  readonly forgets?: boolean
  /** Where we differ from Kafka Streams, in the words of docs/semantics.md: what differs is not compared. */
  readonly deviation?: {
    readonly why: string
    readonly withCache?: boolean
    readonly withoutCache?: boolean
    readonly describe?: boolean
    readonly drops?: boolean
    readonly changelogs?: boolean | 'withoutCache'
  }
}

/** By name; the names are those of the Java side. */
export type Scenarios = Readonly<Record<string, Build | Scenario>>

export const S = serdes.string
export const TEXT = { key: S, value: S }
export const join = (a: Text | undefined, b: Text | undefined): Text => `${a ?? 'null'}|${b ?? 'null'}`
export const zero = (): Text => '0'
export const add = (a: Text, v: Text): Text => `${a}+${v}`
export const subtract = (a: Text, v: Text): Text => `${a}-${v}`
export const notX = (v: Text): boolean => !v.startsWith('x')
/** Values may be tombstones in every scenario, as on a real topic. */
export const isNull = (v: Text | null): v is null => v === null
/** As Java puts strings together. */
export const concat = (a: Text | null, v: Text | null): Text => `${a}${v}`
export const first = (v: Text): Text => v.slice(0, 1)

export const stream = (b: StreamsBuilder, topic: string): TextStream => b.stream(topic, TEXT)
export const table = (b: StreamsBuilder, topic: string): TextTable => b.table(topic, TEXT)
export const out = (s: TextStream, topic = 'out'): void => s.to(topic, TEXT)
export const outTable = (t: TextTable): void => out(t.toStream())
export const outLong = (t: KTable<Text, number>): void => t.toStream().to('out', { key: S, value: serdes.long })
export const outWindows = (t: KTable<Windowed<Text>, Text>): void => t.toStream().to('out', { value: S })

export const tumbling = TimeWindows.ofSizeAndGrace(10, 5)
export const hopping = TimeWindows.ofSizeAndGrace(10, 5).advanceBy(4)
export const within = (before: number, after: number, grace: number): JoinWindows =>
  JoinWindows.ofTimeDifferenceAndGrace(10, grace).before(before).after(after)

export type Kind = 'inner' | 'left' | 'outer'
export const KINDS: readonly Kind[] = ['inner', 'left', 'outer']

export function joinTables(kind: Kind, l: TextTable, r: TextTable, options: Materialized<Text, Text> = {}): TextTable {
  if (kind === 'inner') return l.join(r, join, options)
  return kind === 'left' ? l.leftJoin(r, join, options) : l.outerJoin(r, join, options)
}

export function joinStreams(
  kind: Kind,
  l: TextStream,
  r: TextStream,
  windows: JoinWindows,
  options: StreamJoined<Text, Text, Text> = {},
): TextStream {
  if (kind === 'inner') return l.join(r, join, windows, options)
  return kind === 'left' ? l.leftJoin(r, join, windows, options) : l.outerJoin(r, join, windows, options)
}
