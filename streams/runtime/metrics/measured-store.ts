import type { ChangeBuffer } from '../../../stores/buffers/change-buffer.ts'
import type { StateStore, StoreType } from '../../../stores/state-store.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import type { StoreCall, StoreMetrics } from './store-metrics.ts'

type Method = (...args: readonly unknown[]) => unknown
type NameOf = StoreCall | ((args: readonly unknown[]) => StoreCall)

const RANGE: NameOf = ([from, to]) => (from === undefined && to === undefined ? 'all' : 'range')
const EVERYWHERE: Readonly<Record<string, NameOf>> = { put: 'put', drain: 'flush', restoredRows: 'restore' }
const KEYED: Readonly<Record<string, NameOf>> = { get: 'get', getEntry: 'get', delete: 'delete', range: RANGE }

/** What the methods of a store count as. */
const CALLS: { readonly [T in StoreType]: Readonly<Record<string, NameOf>> } = {
  'key-value': {
    ...EVERYWHERE,
    ...KEYED,
    putIfAbsent: 'put-if-absent',
    entries: RANGE,
    prefix: 'prefix-scan',
    prefixEntries: 'prefix-scan',
  },
  versioned: { ...EVERYWHERE, ...KEYED, history: 'range' },
  window: { ...EVERYWHERE, get: 'fetch', getEntry: 'fetch', fetch: 'fetch', fetchRange: 'fetch', visitInOrder: 'all' },
  session: {
    ...EVERYWHERE,
    fetchSession: 'fetch',
    fetch: 'fetch',
    findSessions: 'fetch',
    fetchRange: 'fetch',
    findEnded: 'fetch',
    remove: 'remove',
  },
  'record-buffer': EVERYWHERE,
  'change-buffer': EVERYWHERE,
}
const READS: ReadonlySet<StoreCall> = new Set(['get', 'fetch'])

/** The plan of a store whose calls are recorded; the plan itself where they are not (`undefined`). */
export function measuredBuilder(builder: StoreBuilder, metrics: StoreMetrics | undefined): StoreBuilder {
  if (metrics === undefined) return builder
  return { ...builder, build: (context) => measured(builder.build(context), metrics) }
}

/** The store, with a record of each call: how long it took, until its answer was there. */
export function measured<S extends StateStore>(store: S, metrics: StoreMetrics): S {
  const calls = CALLS[store.type]
  const methods = new Map<PropertyKey, unknown>()
  return new Proxy(store, {
    get(target, name) {
      // Rows that are made while they are written have no time of their own: they are made before, as `restoredRows`.
      if (name === 'restoredPacked') return undefined
      const found: unknown = Reflect.get(target, name, target)
      if (typeof found !== 'function') return found
      let method = methods.get(name)
      if (method === undefined) {
        method = methodOf(target, name, found as Method, calls, metrics)
        methods.set(name, method)
      }
      return method
    },
  })
}

function methodOf(
  store: StateStore,
  name: PropertyKey,
  method: Method,
  calls: Readonly<Record<string, NameOf>>,
  metrics: StoreMetrics,
): Method {
  const call = typeof name === 'string' && Object.hasOwn(calls, name) ? calls[name] : undefined
  const run = call === undefined ? (method.bind(store) as Method) : timed(store, method, call, metrics)
  if (store.type !== 'change-buffer' || (name !== 'put' && name !== 'evictWhile')) return run
  const buffer = store as ChangeBuffer<unknown, unknown>
  return (...args) => after(run(...args), () => metrics.buffered(buffer.records, buffer.sizeBytes))
}

function timed(store: StateStore, method: Method, call: NameOf, metrics: StoreMetrics): Method {
  return (...args) => {
    const name = typeof call === 'string' ? call : call(args)
    const startedMs = performance.now()
    const answer = method.apply(store, [...args])
    if (isAsyncIterable(answer)) return iterated(answer, () => metrics.iterated(name))
    if (READS.has(name)) metrics.read(!(answer instanceof Promise))
    return after(answer, () => metrics.called(name, (performance.now() - startedMs) * 1e6))
  }
}

function after(answer: unknown, then: () => void): unknown {
  if (answer instanceof Promise) return answer.finally(then)
  then()
  return answer
}

function isAsyncIterable(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer
}

async function* iterated(rows: AsyncIterable<unknown>, begin: () => () => void): AsyncGenerator<unknown> {
  const ended = begin()
  try {
    yield* rows
  } finally {
    ended()
  }
}
