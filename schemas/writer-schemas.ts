import { type Clock, systemClock } from '../common/clock.ts'
import type { AvroSchema } from './avro-type.ts'
import { InvalidSchemaError, SchemaNotFoundError } from './errors.ts'
import type { RegistryClient } from './registry-client.ts'

/** An id that the registry does not know is asked for again after this: it may be given out later. */
const UNKNOWN_FOR_MS = 30_000
/** Ids kept as unknown; bytes that are no Avro at all would otherwise fill the memory with the ids they seem to have. */
const MOST_UNKNOWN = 1_000

/** Where schemas come from by their id. */
export type SchemaSource = Pick<RegistryClient, 'schemaById'>

/** What is made of writers' schemas (the readers of a serde, …) by their ids; they are fetched when they are first met. */
export class WriterSchemas<T extends object> {
  readonly #make: (schema: AvroSchema, id: number) => T
  readonly #registry: SchemaSource
  readonly #clock: Clock
  readonly #known = new Map<number, T | Error>()
  readonly #unknown = new Map<number, { readonly error: Error; readonly untilMs: number }>()
  readonly #fetching = new Map<number, Promise<void>>()
  #lastId: number | undefined
  #last: T | undefined

  /** `make` may throw {@link InvalidSchemaError}: records with that schema cannot be read. */
  constructor(make: (schema: AvroSchema, id: number) => T, registry: SchemaSource, clock: Clock = systemClock) {
    this.#clock = clock
    this.#make = make
    this.#registry = registry
  }

  /** What was made of this schema; an error when that cannot be; a promise that resolves when it is worth asking again. */
  get(id: number): T | Error | Promise<void> {
    if (id === this.#lastId && this.#last) return this.#last
    const known = this.#known.get(id)
    if (known && !(known instanceof Error)) {
      this.#lastId = id
      this.#last = known
      return known
    }
    return known ?? this.#refused(id) ?? this.#fetch(id)
  }

  #refused(id: number): Error | undefined {
    const unknown = this.#unknown.get(id)
    if (unknown && unknown.untilMs > this.#clock.nowMs()) return unknown.error
    return undefined
  }

  #fetch(id: number): Promise<void> {
    let fetching = this.#fetching.get(id)
    if (!fetching) {
      fetching = this.#load(id).finally(() => this.#fetching.delete(id))
      this.#fetching.set(id, fetching)
      // Whoever waits for it sees the error; nobody has to wait.
      fetching.catch(() => {})
    }
    return fetching
  }

  async #load(id: number): Promise<void> {
    try {
      this.#known.set(id, this.#make(await this.#registry.schemaById(id), id))
      this.#unknown.delete(id)
    } catch (error) {
      if (error instanceof InvalidSchemaError)
        this.#known.set(id, new Error(`schema ${id} cannot be read with ours: ${error.message}`, { cause: error }))
      else if (error instanceof SchemaNotFoundError) this.#forget(id, error)
      else throw error
    }
  }

  #forget(id: number, error: Error): void {
    const oldest = this.#unknown.keys().next()
    if (this.#unknown.size >= MOST_UNKNOWN && !oldest.done) this.#unknown.delete(oldest.value)
    this.#unknown.delete(id)
    this.#unknown.set(id, { error, untilMs: this.#clock.nowMs() + UNKNOWN_FOR_MS })
  }
}
