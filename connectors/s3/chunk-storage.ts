import type { TopicPartition } from '../../common/record.ts'
import { buryRecord, type SinkDeadLettersOptions, untilDone } from '../sink-dead-letters.ts'
import type { StatusTracker } from '../status.ts'
import type { Chunk, ObjectRecords } from './chunk.ts'
import { objectName } from './object-name.ts'
import type { ObjectStore } from './object-store.ts'
import type { RecordFormat } from './record-format.ts'
import { Slots } from './slots.ts'

export interface ChunkStorageOptions extends SinkDeadLettersOptions {
  readonly store: ObjectStore
  readonly format: RecordFormat
  /** Before the topic in the names of objects; may be empty. */
  readonly prefix: string
  readonly status: StatusTracker
}

/** Objects that are made and on their way at a time: each is in memory once more, as a whole. */
const MAX_PARALLEL = 4

/** Stores chunks: their objects, and dead letters for what cannot be in one. Tries again for as long as it takes. */
export class ChunkStorage {
  readonly #options: ChunkStorageOptions
  readonly #slots = new Slots(MAX_PARALLEL)
  #objects = 0
  #bytes = 0

  constructor(options: ChunkStorageOptions) {
    this.#options = options
  }

  /** Objects stored so far; one that was stored again counts again. */
  get objects(): number {
    return this.#objects
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Resolves when everything of the chunk is where it belongs. @throws when `signal` aborts before. */
  async store(from: TopicPartition, chunk: Chunk, signal: AbortSignal): Promise<void> {
    const letters = chunk.refused.map((refused) => buryRecord(from, refused, refused.problem, this.#options, signal))
    const objects = chunk.objects.map((records) => this.#slots.run(() => this.#object(from, records, signal)))
    await Promise.all([...letters, ...objects])
  }

  async #object(from: TopicPartition, records: ObjectRecords, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { format, prefix, store, status } = this.#options
    const { schemaId, firstOffset, lastOffset, values, hour } = records
    const identity = { ...from, hour, firstOffset, ...(schemaId === undefined ? {} : { schemaId }) }
    const name = objectName(prefix, identity, format.extension)
    const body = format.body(name, values)
    const metadata = {
      'first-offset': String(firstOffset),
      'last-offset': String(lastOffset),
      records: String(values.length),
      ...(schemaId === undefined ? {} : { 'schema-id': String(schemaId) }),
    }
    const object = { name, body, contentType: format.contentType, metadata }
    await untilDone('s3', () => store.put(object, signal), this.#options, signal)
    this.#objects++
    this.#bytes += body.length
    status.published(values.length)
  }
}
