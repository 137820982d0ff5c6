import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '../../../common/log.ts'
import type { GroupConsumer, RebalanceListener } from '../../../kafka/port.ts'

const POLL_MS = 100

export interface ShutdownRequest {
  /** A member whose user data asks the leader for the shutdown. */
  readonly consumer: GroupConsumer
  readonly topics: readonly string[]
  readonly withinMs: number
  /** Whether the client is still there to ask. */
  readonly isOpen: () => boolean
  readonly log: Logger
}

/**
 * Joins the group for one rebalance, in which every member learns that the application is to shut down. Never rejects: when the group cannot be
 * reached in time, that is logged, and this client ends alone.
 */
export async function requestShutdown({ consumer, topics, withinMs, isOpen, log }: ShutdownRequest): Promise<void> {
  let told = false
  const listener: RebalanceListener = {
    onAssigned: async () => {
      told = true
    },
    onRevoked: async () => {},
    onLost: async () => {},
  }
  const deadline = performance.now() + withinMs
  consumer.subscribe(topics, listener)
  while (!told && isOpen() && performance.now() < deadline) {
    try {
      await consumer.poll(POLL_MS)
    } catch (error) {
      log.warn({ err: error }, 'asking the group to shut down failed; trying on')
      await sleep(POLL_MS)
    }
  }
  if (!told && isOpen()) log.error({ withinMs }, 'the group could not be asked to shut down: other members go on')
  await consumer.close().catch((error) => log.warn({ err: error }, 'leaving the group failed'))
}
