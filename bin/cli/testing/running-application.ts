import type { KafkaProvider } from '../../../kafka/port.ts'
import { KafkaStreams, type StreamsOptions, type Topology } from '../../../streams/index.ts'

/** Starts the application and waits until it runs. */
export async function startApplication(
  topology: Topology,
  options: Pick<StreamsOptions, 'applicationId' | 'kafka' | 'stateDir'> & Partial<StreamsOptions>,
): Promise<KafkaStreams> {
  const streams = new KafkaStreams(topology, { commitInterval: 50, cacheMaxBytes: 0, ...options })
  try {
    await streams.start()
    await streams.waitFor('RUNNING')
  } catch (error) {
    await streams.close()
    throw error
  }
  return streams
}

/** Texts with a key each, spread over the partitions. */
export async function send(
  kafka: KafkaProvider,
  topic: string,
  values: readonly string[],
  timestampMs: number,
): Promise<void> {
  const producer = kafka.createProducer()
  values.forEach((value, i) => {
    producer.send(topic, undefined, { key: Buffer.from(`key-${i}`), value: Buffer.from(value), timestampMs })
  })
  await producer.flush()
  await producer.close()
}

/** Repeats `look` until it is true. */
export async function until(what: string, look: () => Promise<boolean>, deadlineMs = 30_000): Promise<void> {
  const deadline = Date.now() + deadlineMs
  while (!(await look())) {
    if (Date.now() > deadline) throw new Error(`still not so after ${deadlineMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
