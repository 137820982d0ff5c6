import { randomUUID } from 'node:crypto'
import { partitionForKey } from '../common/murmur2.ts'
import type { SendCommand } from '../http/routes/context.ts'
import { topics } from '../schemas/topics.ts'
import { Command } from '../schemas/types.ts'
import type { Platform } from './platform.ts'

/** What a person asks for is void when the device could not be told by then. */
const LIFE_MS = 120_000

export interface CommandSender {
  readonly send: SendCommand
  close(): Promise<void>
}

/** Puts people's commands on `building.commands`. */
export async function openCommandSender(platform: Platform): Promise<CommandSender> {
  const topic = topics.commands.name
  const serde = platform.value(Command)
  await Promise.all([platform.key.prepare?.(topic, 'key'), serde.prepare?.(topic, 'value')])
  const producer = platform.kafka.createProducer()
  return {
    send: async ({ deviceId, roomId, kind, value, issuer }) => {
      const issuedAtMs = Date.now()
      const command: Command = {
        commandId: randomUUID(),
        deviceId,
        roomId,
        kind,
        value,
        issuer,
        causes: [],
        issuedAtMs,
        expiresAtMs: issuedAtMs + LIFE_MS,
      }
      const key = platform.key.serialize(deviceId, topic)
      const record = { key, value: serde.serialize(command, topic), timestampMs: issuedAtMs }
      const partition = partitionForKey(key, await producer.partitionCount(topic))
      const offset = await new Promise<number>((resolve, reject) => {
        producer.send(topic, partition, record, (error, at) => (error === undefined ? resolve(at) : reject(error)))
      })
      return { commandId: command.commandId, position: `${topic}:${partition}:${offset}` }
    },
    close: () => producer.close(),
  }
}
