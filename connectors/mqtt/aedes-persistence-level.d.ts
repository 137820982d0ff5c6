/** The part of aedes-persistence-level 9.2 that `durable-persistence.ts` uses; the package ships no types. */
declare module 'aedes-persistence-level' {
  import type { Readable } from 'node:stream'
  import type { Level } from 'level'

  interface StoredPacket {
    readonly cmd: string
    readonly topic: string
    readonly qos: number
    readonly retain: boolean
    readonly messageId?: number
  }
  interface Subscription {
    readonly clientId: string
  }
  interface Client {
    readonly id: string
  }
  interface Persistence {
    subscriptionsByTopic(topic: string): Promise<Subscription[]>
    /** Stores the packet for each of these persistent sessions. */
    outgoingEnqueueCombi(subscriptions: readonly Subscription[], packet: StoredPacket): Promise<unknown>
    /** Notes the message id that the packet is sent to the client under. */
    outgoingUpdate(client: Client, packet: StoredPacket): Promise<unknown>
    /** What a client has not acknowledged, in the order of its keys. */
    outgoingStream(client: Client): Readable
  }
  export default function persistence(db: Level): Persistence
}
