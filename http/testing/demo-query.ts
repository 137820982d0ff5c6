import {
  Position,
  type Query,
  type StateQueryRequest,
  StateQueryResult,
  type TopologyTestDriver,
} from '../../streams/index.ts'

interface DemoQuery extends Query<unknown> {
  readonly key?: unknown
  readonly keys?: { readonly from?: unknown; readonly to?: unknown }
  readonly keyPrefix?: Buffer
  readonly times?: { readonly fromMs?: number; readonly toMs?: number }
  readonly options?: { readonly order?: string; readonly limit?: number }
}

/** Answers from the stores of a test driver, which has one partition and no offsets. */
export async function demoQuery<R>(
  driver: TopologyTestDriver,
  { store, query }: StateQueryRequest<R>,
): Promise<StateQueryResult<R>> {
  const result = (await ask(driver, store, query)) as R
  const answer = { isSuccess: true, result, position: Position.empty(), role: 'active', lag: 0 } as const
  return new StateQueryResult(new Map([[0, answer]]))
}

function ask(driver: TopologyTestDriver, store: string, query: DemoQuery): unknown {
  const { key, keys = {}, keyPrefix, times = {}, options = {} } = query
  const { order, limit } = options
  const scan = { reverse: order === 'DESCENDING', ...(limit === undefined ? {} : { limit }) }
  switch (query.type) {
    case 'timestamped-key':
      return driver.getKeyValueStore(store).getEntry(key)
    case 'range':
      return driver.getKeyValueStore(store).range(keys.from, keys.to, scan)
    case 'prefix':
      return driver.getKeyValueStore(store).prefix(keyPrefix ?? Buffer.alloc(0), scan)
    case 'window-key':
      return driver.getWindowStore(store).fetch(key, times.fromMs ?? 0, times.toMs ?? Number.MAX_SAFE_INTEGER, scan)
    default:
      throw new Error(`the demo does not answer ${query.type}`)
  }
}
