import { StreamsBuilder, serdes, type Topology } from '../../streams/index.ts'

/** What a browser sends: so many pieces came (or, below 0, went). */
export interface StockChange {
  /** Names the change, so that one that comes twice counts once. */
  readonly changeId: string
  readonly delta: number
}

export interface Stock {
  pieces: number
  changes: number
  /** Of the last changes. */
  changeIds: string[]
}

/** MQTT delivers at least once: this many changes of a product back, one that comes again is known. */
const REMEMBERED = 100

/** The pieces of each product, from its changes. What is no change is left out, and so is one that would take more than there is. */
export function stock(): Topology {
  const builder = new StreamsBuilder()
  builder
    .stream('stock-changes', { key: serdes.string, value: serdes.json<unknown>() })
    .filter((change) => isChange(change))
    .mapValues((change) => change as StockChange)
    .groupByKey({ key: serdes.string, value: serdes.json<StockChange>() })
    .aggregate((): Stock => ({ pieces: 0, changes: 0, changeIds: [] }), apply, {
      store: 'stock',
      key: serdes.string,
      value: serdes.json<Stock>(),
      caching: false,
    })
    .toStream()
    .to('stock', { key: serdes.string, value: serdes.json<Stock>() })
  return builder.build()
}

function apply(stock: Stock, { changeId, delta }: StockChange): Stock {
  const { pieces, changes, changeIds } = stock
  if (changeIds.includes(changeId) || pieces + delta < 0) return stock
  return { pieces: pieces + delta, changes: changes + 1, changeIds: [...changeIds, changeId].slice(-REMEMBERED) }
}

function isChange(value: unknown): value is StockChange {
  if (typeof value !== 'object' || value === null) return false
  const { changeId, delta } = value as Partial<Record<keyof StockChange, unknown>>
  return typeof changeId === 'string' && changeId !== '' && Number.isSafeInteger(delta)
}
