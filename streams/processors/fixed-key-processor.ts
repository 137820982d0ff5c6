import type { Awaitable } from '../../common/awaitable.ts'
import { KeyChangedError } from '../errors.ts'
import type { StreamRecord } from '../record.ts'
import type { Processor, ProcessorContext } from './processor.ts'

type Forwarding = 'forward' | 'forwardAs'

/**
 * Lets a processor forward records under the key that it was given only: what comes after it relies on the key's partition. A
 * punctuation, and work beside the records, is given no key, so what it forwards is not looked at.
 * @see FixedKeyProcessor, FixedKeyContextualProcessor
 */
export class FixedKeyProcessor<K, V, V2> implements Processor<K, V, K, V2> {
  readonly #inner: Processor<K, V, K, V2>
  #context!: ProcessorContext<K, V2>
  #key: K | undefined
  #isGiven = false

  constructor(inner: Processor<K, V, K, V2>) {
    this.#inner = inner
  }

  init(context: ProcessorContext<K, V2>): void {
    this.#context = context
    this.#inner.init?.(guarded(context, (record) => this.#check(record)))
  }

  process(record: StreamRecord<K, V>): Awaitable<void> {
    this.#key = record.key
    this.#isGiven = true
    let pending: Awaitable<void>
    try {
      pending = this.#inner.process(record)
    } finally {
      this.#isGiven = false
    }
    if (!(pending instanceof Promise)) return
    this.#isGiven = true
    return pending.finally(() => {
      this.#isGiven = false
    })
  }

  close(): void {
    this.#inner.close?.()
  }

  #check(record: StreamRecord<K, V2>): void {
    if (record.key === this.#key || !this.#isGiven) return
    throw new KeyChangedError(this.#context.nodeName)
  }
}

/** The same context, with a look at each record before it is forwarded. */
function guarded<K, V>(
  context: ProcessorContext<K, V>,
  check: (record: StreamRecord<K, V>) => void,
): ProcessorContext<K, V> {
  const members = new Map<string | symbol, unknown>()
  const memberOf = (name: string | symbol): unknown => {
    const member: unknown = Reflect.get(context, name, context)
    if (typeof member !== 'function') return member
    const bound = member.bind(context) as (...args: unknown[]) => unknown
    const forwards = (name as Forwarding) === 'forward' || (name as Forwarding) === 'forwardAs'
    const made = !forwards
      ? bound
      : (record: StreamRecord<K, V>, second: unknown) => {
          check(record)
          return bound(record, second)
        }
    members.set(name, made)
    return made
  }
  return new Proxy(context, { get: (_target, name) => members.get(name) ?? memberOf(name) })
}
