import type { Awaitable } from '../../common/awaitable.ts'
import { eachInOrder } from '../../common/awaitable.ts'
import { StreamRecord } from '../record.ts'
import type { Processor, ProcessorContext } from './processor.ts'

/** The stateless operators: each takes a record and forwards what becomes of it, synchronously. */
abstract class Stateless<K, V, K2 = K, V2 = V> implements Processor<K, V, K2, V2> {
  protected context!: ProcessorContext<K2, V2>

  init(context: ProcessorContext<K2, V2>): void {
    this.context = context
  }

  abstract process(record: StreamRecord<K, V>): Awaitable<void>
}

/** @see KStreamFilter */
export class StatelessFilter<K, V> extends Stateless<K, V> {
  readonly #predicate: (value: V, key: K) => boolean
  readonly #keep: boolean

  constructor(predicate: (value: V, key: K) => boolean, keep: boolean) {
    super()
    this.#predicate = predicate
    this.#keep = keep
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    if (this.#predicate(record.value, record.key) === this.#keep) return this.context.forward(record)
  }
}

/** @see KStreamMap */
export class StatelessMap<K, V, K2, V2> extends Stateless<K, V, K2, V2> {
  readonly #mapper: (value: V, key: K) => readonly [K2, V2]

  constructor(mapper: (value: V, key: K) => readonly [K2, V2]) {
    super()
    this.#mapper = mapper
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const [key, value] = this.#mapper(record.value, record.key)
    return this.context.forward(new StreamRecord(key, value, record.timestampMs, record.headers))
  }
}

/** @see KStreamMapValues */
export class StatelessMapValues<K, V, V2> extends Stateless<K, V, K, V2> {
  readonly #mapper: (value: V, key: K) => V2

  constructor(mapper: (value: V, key: K) => V2) {
    super()
    this.#mapper = mapper
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    return this.context.forward(record.withValue(this.#mapper(record.value, record.key)))
  }
}

/** @see KStreamFlatMap */
export class StatelessFlatMap<K, V, K2, V2> extends Stateless<K, V, K2, V2> {
  readonly #mapper: (value: V, key: K) => Iterable<readonly [K2, V2]>

  constructor(mapper: (value: V, key: K) => Iterable<readonly [K2, V2]>) {
    super()
    this.#mapper = mapper
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    const pairs = [...this.#mapper(record.value, record.key)]
    return eachInOrder(pairs, ([key, value]) =>
      this.context.forward(new StreamRecord(key, value, record.timestampMs, record.headers)),
    )
  }
}

/** @see KStreamFlatMapValues */
export class StatelessFlatMapValues<K, V, V2> extends Stateless<K, V, K, V2> {
  readonly #mapper: (value: V, key: K) => Iterable<V2>

  constructor(mapper: (value: V, key: K) => Iterable<V2>) {
    super()
    this.#mapper = mapper
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    return eachInOrder([...this.#mapper(record.value, record.key)], (value) =>
      this.context.forward(record.withValue(value)),
    )
  }
}

/** @see KStreamPeek (`forwards`), KStreamForeach */
export class StatelessPeek<K, V> extends Stateless<K, V> {
  readonly #action: (value: V, key: K) => void
  readonly #forwards: boolean

  constructor(action: (value: V, key: K) => void, forwards: boolean) {
    super()
    this.#action = action
    this.#forwards = forwards
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    this.#action(record.value, record.key)
    if (this.#forwards) return this.context.forward(record)
  }
}

/** @see PassThrough */
export class PassThrough<K, V> extends Stateless<K, V> {
  process(record: StreamRecord<K, V>): Awaitable<void> {
    return this.context.forward(record)
  }
}

/** The first branch whose predicate holds gets the record; without one it goes no further. @see KStreamBranch */
export class Branch<K, V> extends Stateless<K, V> {
  readonly #branches: readonly { readonly child: string; readonly predicate: (value: V, key: K) => boolean }[]

  constructor(branches: readonly { readonly child: string; readonly predicate: (value: V, key: K) => boolean }[]) {
    super()
    this.#branches = branches
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    for (const { child, predicate } of this.#branches) {
      if (predicate(record.value, record.key)) return this.context.forward(record, child)
    }
  }
}
