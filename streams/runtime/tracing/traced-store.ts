import { chain } from '../../../common/awaitable.ts'
import type { StateStore, StoreType } from '../../../stores/state-store.ts'
import type { StoreBuilder } from '../../../stores/store-builder.ts'
import type { SpanContext } from '../../tracing.ts'
import type { TaskTracing } from './task-tracing.ts'

/** Rows of a store whose authors are known, the last written ones. */
const MAX_AUTHORS = 10_000

type Method = (...args: readonly unknown[]) => unknown
/** What tells a row apart beside its key. */
type Place = readonly unknown[]

/** Reads of one row, by how many arguments name it; reads that give entries; and writes. */
interface Calls {
  readonly rows: Readonly<Record<string, number>>
  readonly entries: readonly string[]
  readonly writes: Readonly<Record<string, (args: readonly unknown[]) => Place>>
  /** Of an entry. */
  readonly placeOf: (entry: Entry) => Place
}

interface Entry {
  readonly key: unknown
  readonly windowStartMs?: number
  readonly startMs?: number
  readonly endMs?: number
}

const nowhere = (): Place => []
const CALLS: { readonly [T in StoreType]: Calls | undefined } = {
  'key-value': {
    rows: { get: 0, getEntry: 0 },
    entries: ['range', 'entries', 'prefix', 'prefixEntries', 'takeDue'],
    writes: { put: nowhere, putIfAbsent: nowhere, delete: nowhere },
    placeOf: nowhere,
  },
  versioned: {
    rows: { get: 0, getEntry: 0, history: 0 },
    entries: ['range'],
    writes: { put: nowhere, delete: nowhere },
    placeOf: nowhere,
  },
  window: {
    rows: { get: 1, getEntry: 1 },
    entries: ['fetch', 'fetchRange', 'visitInOrder'],
    writes: { put: ([, , windowStartMs]) => [windowStartMs] },
    placeOf: ({ windowStartMs }) => [windowStartMs],
  },
  session: {
    rows: { fetchSession: 2 },
    entries: ['fetch', 'findSessions', 'fetchRange', 'findEnded'],
    writes: { put: ([, , startMs, endMs]) => [startMs, endMs], remove: ([, startMs, endMs]) => [startMs, endMs] },
    placeOf: ({ startMs, endMs }) => [startMs, endMs],
  },
  'record-buffer': undefined,
  'change-buffer': undefined,
}

/** Which span has written a row last, as far as it was in this process and not long ago. Rows themselves carry no trace. */
class StateAuthors {
  readonly #builder: StoreBuilder
  readonly #topic: string
  readonly #authors = new Map<string, SpanContext>()

  constructor(builder: StoreBuilder, topic: string) {
    this.#builder = builder
    this.#topic = topic
  }

  get(key: unknown, place: Place): SpanContext | undefined {
    const id = this.#idOf(key, place)
    return id === undefined ? undefined : this.#authors.get(id)
  }

  wrote(key: unknown, place: Place, author: SpanContext | undefined): void {
    const id = this.#idOf(key, place)
    if (id === undefined) return
    this.#authors.delete(id)
    if (author === undefined) return
    this.#authors.set(id, author)
    if (this.#authors.size > MAX_AUTHORS) this.#authors.delete(this.#authors.keys().next().value as string)
  }

  #idOf(key: unknown, place: Place): string | undefined {
    if (key === null || key === undefined) return undefined
    const text = typeof key === 'string' ? key : this.#builder.keySerde.serialize(key, this.#topic).toString('latin1')
    return place.length === 0 ? text : `${place.join(' ')} ${text}`
  }
}

/** The store, as operators see it: what they use of it is linked to the spans that have written it. Buffers carry the headers of their records. */
export function traced<S extends StateStore>(
  store: S,
  builder: StoreBuilder,
  changelogTopic: string,
  tracing: TaskTracing,
): S {
  const calls = CALLS[store.type]
  if (calls === undefined) return store
  const authors = new StateAuthors(builder, changelogTopic)
  const methods = new Map<PropertyKey, unknown>()
  return new Proxy(store, {
    get(target, name) {
      const found: unknown = Reflect.get(target, name, target)
      if (typeof found !== 'function') return found
      if (!methods.has(name))
        methods.set(name, methodOf(target, String(name), found as Method, calls, authors, tracing))
      return methods.get(name)
    },
  })
}

function methodOf(
  store: StateStore,
  name: string,
  method: Method,
  { rows, entries, writes, placeOf }: Calls,
  authors: StateAuthors,
  tracing: TaskTracing,
): Method {
  const uses = (key: unknown, place: Place): void => {
    const author = authors.get(key, place)
    if (author !== undefined) tracing.uses(author)
  }
  const visiting = (visit: Method) => (entry: unknown) => {
    usesEntry(entry)
    return visit(entry)
  }
  const usesEntry = (entry: unknown): void => uses((entry as Entry).key, placeOf(entry as Entry))
  const placeLength = rows[name]
  if (placeLength !== undefined)
    return (...args) =>
      chain(method.apply(store, [...args]), (row) => {
        if (row !== undefined) uses(args[0], args.slice(1, 1 + placeLength))
        return row
      })
  const written = writes[name]
  if (written !== undefined)
    return (...args) => {
      const author = tracing.author
      const answer = method.apply(store, [...args])
      authors.wrote(args[0], written(args), args[1] === null && name === 'put' ? undefined : author)
      return answer
    }
  if (!entries.includes(name)) return method.bind(store) as Method
  return (...args) => {
    const last = args.at(-1)
    const given = typeof last === 'function' ? [...args.slice(0, -1), visiting(last as Method)] : [...args]
    return chain(method.apply(store, given), (answer) => {
      if (Array.isArray(answer)) answer.forEach(usesEntry)
      else if (isAsyncIterable(answer)) return using(answer, usesEntry)
      return answer
    })
  }
}

function isAsyncIterable(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer
}

async function* using(entries: AsyncIterable<unknown>, use: (entry: unknown) => void): AsyncGenerator<unknown> {
  for await (const entry of entries) {
    use(entry)
    yield entry
  }
}
