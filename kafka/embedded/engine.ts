import { join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import type { Logger } from '../../common/log.ts'
import { Catalogue } from './catalogue.ts'
import { Cleaner } from './cleaner.ts'
import { EmbeddedLogFailedError } from './errors.ts'
import { Groups } from './group.ts'
import { metaKey, PARTITION_PREFIX_BYTES } from './keys.ts'
import { type LogStore, openDurableStore } from './log-store.ts'
import { MemoryStore } from './memory-store.ts'
import { OffsetStore } from './offset-store.ts'
import { TailCache } from './tail-cache.ts'
import { deleteSpilled, TransactionCoordinator } from './transactions.ts'
import { LogWriter } from './writer.ts'

export interface EngineOptions {
  readonly directory: string | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly cacheBytes: number
  readonly cleanerIntervalMs: number
  readonly transactionBytes: number
}

/** The log, opened: everything that clients share. */
export interface Engine {
  readonly clock: Clock
  readonly writer: LogWriter
  readonly catalogue: Catalogue
  readonly offsets: OffsetStore
  readonly groups: Groups
  readonly transactions: TransactionCoordinator
  readonly cleaner: Cleaner
  close(): Promise<void>
}

const FORMAT_KEY = metaKey('format')
const FORMAT = Buffer.from('1')

/** @throws {EmbeddedLogInUseError | EmbeddedLogFailedError} */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const { directory, clock, logger } = options
  const store: LogStore =
    directory === undefined
      ? new MemoryStore(PARTITION_PREFIX_BYTES)
      : await openDurableStore(directory, join(directory, 'log'))
  try {
    const writer = new LogWriter(store, directory === undefined ? 'in memory' : `in ${directory}`)
    await checkFormat(store, writer, directory)
    await deleteSpilled(store, writer)
    const catalogue = new Catalogue(store, writer, new TailCache(options.cacheBytes))
    const offsets = new OffsetStore()
    const groups = new Groups(catalogue)
    const transactions = new TransactionCoordinator({
      writer,
      catalogue,
      offsets,
      groups,
      transactionBytes: options.transactionBytes,
    })
    const cleaner = new Cleaner({ catalogue, writer, clock, logger, intervalMs: options.cleanerIntervalMs })
    catalogue.onChange = (topic) => groups.topicChanged(topic)
    await Promise.all([catalogue.load(), offsets.load(store), transactions.load(store)])
    cleaner.start()
    return {
      clock,
      writer,
      catalogue,
      offsets,
      groups,
      transactions,
      cleaner,
      async close() {
        groups.close()
        await cleaner.stop()
        await transactions.close()
        await writer.idle()
        await store.close()
      },
    }
  } catch (error) {
    await store.close()
    throw error
  }
}

async function checkFormat(store: LogStore, writer: LogWriter, directory: string | undefined): Promise<void> {
  for await (const [, value] of store.scan({ gte: FORMAT_KEY, lte: FORMAT_KEY })) {
    if (value.equals(FORMAT)) return
    throw new EmbeddedLogFailedError(
      `the embedded log in ${directory} has format ${value.toString('utf8')}, this version reads ${FORMAT.toString('utf8')}`,
    )
  }
  await writer.write([[FORMAT_KEY, FORMAT]])
}

/** Where clients get the engine from: it opens at the first need. */
export class EngineSource {
  readonly #options: EngineOptions
  #current: Engine | undefined
  #opening: Promise<Engine> | undefined
  #closed = false
  #turn: (() => void)[] = []

  constructor(options: EngineOptions) {
    this.#options = options
  }

  /** The engine, if it is open. */
  get current(): Engine | undefined {
    return this.#current
  }

  open(): Promise<Engine> {
    if (this.#closed) return Promise.reject(new EmbeddedLogFailedError('the embedded log is closed'))
    this.#opening ??= openEngine(this.#options).then(
      (engine) => {
        this.#current = engine
        return engine
      },
      (error: unknown) => {
        this.#opening = undefined
        throw error
      },
    )
    return this.#opening
  }

  /** Runs it in the next turn of the event loop, together with everything else that waits for it: one write for all. */
  nextTurn(work: () => void): void {
    this.#turn.push(work)
    if (this.#turn.length > 1) return
    setImmediate(() => {
      const all = this.#turn
      this.#turn = []
      for (const one of all) one()
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    const opening = this.#opening
    if (!opening) return
    const engine = await opening.catch(() => undefined)
    this.#current = undefined
    await engine?.close()
  }
}
