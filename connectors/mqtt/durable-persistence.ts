import { mkdir } from 'node:fs/promises'
import { Readable } from 'node:stream'
import createPersistence, { type Persistence, type StoredPacket } from 'aedes-persistence-level'
import { Level } from 'level'
import { asError } from '../../common/errors.ts'
import { MqttDataLockedError } from './errors.ts'

/**
 * Sessions and undelivered messages of the embedded broker, in LevelDB. Around the stock persistence it mends what would lose
 * or hold up a QoS 1 message in aedes 1.2:
 * - aedes acknowledges a message to its publisher before it stores it. Here `store` is called first, from the hook that
 *   aedes waits for; its own storing, afterwards, does nothing.
 * - Undelivered messages are sent again under their old message ids, which aedes may give to new messages at the same time;
 *   the acknowledgement of one then deletes the other. Here they get new ids.
 * - A message that is acknowledged while it is being sent a second time breaks the connection. Here it is just sent.
 * - Message ids are noted side by side, so that messages overtake each other. Here they go on in order.
 */
export class DurablePersistence {
  /** What aedes is given. */
  readonly persistence: Persistence
  readonly #db: Level
  readonly #enqueue: Persistence['outgoingEnqueueCombi']
  readonly #stored = new InOrder()

  private constructor(db: Level) {
    this.#db = db
    this.persistence = createPersistence(db)
    this.#enqueue = this.persistence.outgoingEnqueueCombi.bind(this.persistence)
    const update = this.persistence.outgoingUpdate.bind(this.persistence)
    const outgoing = this.persistence.outgoingStream.bind(this.persistence)
    const updated = new InOrder()
    this.persistence.outgoingEnqueueCombi = async (subscriptions, packet) => {
      if (packet.qos !== 1) await this.#enqueue(subscriptions, packet)
    }
    this.persistence.outgoingUpdate = (client, packet) => updated.add(update(client, packet).catch(unlessGone))
    this.persistence.outgoingStream = (client) => Readable.from(withoutIds(outgoing(client)))
  }

  /** @throws {MqttDataLockedError} when another process has it open. */
  static async open(path: string): Promise<DurablePersistence> {
    await mkdir(path, { recursive: true })
    const db = new Level(path)
    try {
      await db.open()
    } catch (cause) {
      if ((asError(cause).cause as { code?: string } | undefined)?.code === 'LEVEL_LOCKED')
        throw new MqttDataLockedError(`another process uses ${path}: stop it, or choose another data directory`, {
          cause,
        })
      throw cause
    }
    return new DurablePersistence(db)
  }

  /**
   * Resolves when a QoS 1 message is stored for all persistent sessions that are subscribed to it, in the order of the calls.
   * It outlives the process then, not a power cut.
   */
  store(packet: StoredPacket): Promise<void> {
    return this.#stored.add(this.#storeNow({ ...packet, retain: false }))
  }

  async close(): Promise<void> {
    await this.#db.close()
  }

  async #storeNow(packet: StoredPacket): Promise<void> {
    await this.#enqueue(await this.persistence.subscriptionsByTopic(packet.topic), packet)
  }
}

/** Work that runs side by side and ends in the order in which it was added. */
class InOrder {
  #tail: Promise<unknown> = Promise.resolve()

  add<T>(work: Promise<T>): Promise<T> {
    work.catch(() => {})
    const ended = this.#tail.then(() => work)
    this.#tail = ended.catch(() => {})
    return ended
  }
}

function unlessGone(error: Error): void {
  if (error.message !== 'no such packet') throw error
}

async function* withoutIds(packets: AsyncIterable<StoredPacket>): AsyncGenerator<StoredPacket> {
  for await (const packet of packets)
    yield packet.cmd === 'publish' && packet.qos === 1 ? { ...packet, messageId: 0 } : packet
}
