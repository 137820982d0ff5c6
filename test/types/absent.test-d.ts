import { type ProcessorContext, StreamsBuilder, serdes, type Topology } from '../../streams/index.ts'

/** What docs/semantics.md calls absent does not compile. Checked by `tsc`: nothing here runs. */

const TEXT = { key: serdes.string, value: serdes.string }
const builder = new StreamsBuilder()
declare const context: ProcessorContext<string, string>
declare const topology: Topology
const stream = builder.stream('in', TEXT)
const global = builder.globalTable('global', TEXT)

// @ts-expect-error topics are named: there are no patterns
builder.stream(/in.*/, TEXT)
// @ts-expect-error a partition without an offset starts at one of its ends
builder.stream('in', { ...TEXT, offsetReset: 'none' })
// @ts-expect-error nor by a duration
builder.stream('in', { ...TEXT, offsetReset: { byDuration: '1h' } })
// @ts-expect-error windows are those that there are: a class of one's own has no store
stream.groupByKey().windowedBy({ sizeMs: 10, graceMs: 0, windowsFor: () => [0] })
const keyOf = (_value: string, key: string): string => key
const withMapped = (value: string, row: string, key: string, mapped: string): string => value + row + key + mapped
// @ts-expect-error a joiner is told the stream's key, not the mapped one too
stream.join(global, keyOf, withMapped)
// @ts-expect-error a processor has no settings of the application
context.appConfigs()
// @ts-expect-error no directory
context.stateDir()
// @ts-expect-error topologies are not added to at run time
topology.addNamedTopology('more', topology)
