import type { Header } from '../../common/record.ts'
import {
  type Processor,
  type ProcessorContext,
  StreamsBuilder,
  serdes,
  TimeWindows,
  type Topology,
} from '../../streams/index.ts'

export const PARTITIONS = 3
export const TASKS = 2 * PARTITIONS
export const METERS = 24
export const WINDOW_MS = 10_000
/** The header that says which opening of which task on which instance wrote a total. */
export const OWNER = 'owner'

const TEXT = { key: serdes.string, value: serdes.string }

/** A reading is the `sequence`-th of its meter, counted from 1. */
export interface Reading {
  readonly sequence: number
  readonly amount: number
}

/** How many readings a room has had, and the sequence of the one that made it so many. */
export interface Total {
  readonly count: number
  readonly sequence: number
}

export function topicsOf(name: string): { readings: string; repartition: string; totals: string; sums: string } {
  return {
    readings: `${name}-readings`,
    repartition: `${name}-by-room-repartition`,
    totals: `${name}-totals`,
    sums: `${name}-sums`,
  }
}

export const encodeReading = ({ sequence, amount }: Reading): string => `${sequence}:${amount}`

export function decodeReading(text: string): Reading {
  const [sequence = 0, amount = 0] = text.split(':').map(Number)
  return { sequence, amount }
}

export function decodeTotal(text: string): Total {
  const [count = 0, sequence = 0] = text.split(':').map(Number)
  return { count, sequence }
}

export const roomOf = (meter: string): string => meter.replace('meter', 'room')
export const windowName = (room: string, startMs: number): string => `${room}@${startMs}`

/**
 * Meters to rooms, one each, through a repartition topic; then two aggregates: how many readings a room has had (`totals`), and their
 * amounts in windows of 10 s (`sums`). With the order of each meter kept, every output is determined by the input.
 */
export function tallyTopology(name: string, instance: string): Topology {
  const { readings, totals, sums } = topicsOf(name)
  const builder = new StreamsBuilder()
  const rooms = builder
    .stream(readings, TEXT)
    .selectKey((_value, meter) => roomOf(meter))
    .groupByKey({ ...TEXT, name: 'by-room' })
  rooms
    .aggregate(() => '0:0', countOne, { store: 'totals', value: serdes.string })
    .toStream()
    .processValues(() => signing(instance))
    .to(totals, TEXT)
  rooms
    .windowedBy(TimeWindows.ofSizeAndGrace(WINDOW_MS, '1d'))
    .aggregate(() => '0', addAmount, { store: 'sums', value: serdes.string })
    .toStream()
    .map((sum, { key, startMs }) => [windowName(key, startMs), sum])
    .to(sums, TEXT)
  return builder.build()
}

const countOne = (total: string, reading: string): string =>
  `${decodeTotal(total).count + 1}:${decodeReading(reading).sequence}`

const addAmount = (sum: string, reading: string): string => String(Number(sum) + decodeReading(reading).amount)

let openings = 0

function signing(instance: string): Processor<string, string, string, string> {
  let context: ProcessorContext<string, string>
  let owner: Header
  return {
    init(given): void {
      context = given
      owner = { key: OWNER, value: Buffer.from(`${instance}/${process.pid}/${given.taskId}/${++openings}`) }
    },
    process(record) {
      return context.forward(record.withHeaders([owner]))
    },
  }
}
