import { type Logger, silentLogger } from '../common/log.ts'
import { ReadingPublisher } from '../connectors/publisher.ts'
import { StatusTracker } from '../connectors/status.ts'
import { topics } from '../schemas/topics.ts'
import type { DeserializationExceptionHandler } from '../streams/index.ts'
import type { Platform } from './platform.ts'

/** Records of the building's topics that cannot be read go to the dead letters, and the application goes on. */
export async function deadLetterHandler(
  platform: Platform,
  log: Logger,
): Promise<{ readonly handler: DeserializationExceptionHandler; close(): Promise<void> }> {
  const { readings, commandResults, deadLetters } = topics
  const publisher = new ReadingPublisher({
    createProducer: () => platform.kafka.createProducer(),
    readings: { topic: readings.name, key: platform.key, value: platform.value(readings.value) },
    commandResults: { topic: commandResults.name, key: platform.key, value: platform.value(commandResults.value) },
    deadLetters: { topic: deadLetters.name, value: platform.value(deadLetters.value) },
    status: new StatusTracker('streams'),
    logger: silentLogger,
  })
  await publisher.prepare()
  return {
    handler: ({ topic, partition, offset, key, value, error }) => {
      const origin = {
        name: `kafka:${topic}-${partition}@${offset}`,
        key: key && Buffer.from(key),
        value: value && Buffer.from(value),
        receivedAtMs: Date.now(),
      }
      publisher.deadLetter({ code: 'UNREADABLE_RECORD', reason: error.message }, origin, () => {})
      log.warn({ topic, partition, offset, reason: error.message }, 'record cannot be read: it is a dead letter')
      return 'continue'
    },
    close: () => publisher.close(),
  }
}
