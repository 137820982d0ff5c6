import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { avro } from '../../schemas/avro-serde.ts'
import { EmbeddedRegistry } from '../../schemas/embedded-registry.ts'
import { RegistryClient } from '../../schemas/registry-client.ts'
import { Command, Reading } from '../../schemas/types.ts'

/** Nanoseconds per record to write and to read building records: `node test/bench/avro.ts [records]`. */
const records = Number(process.argv[2] ?? 1_000_000)
const directory = await mkdtemp(join(tmpdir(), 'brook-bench-'))
const server = await EmbeddedRegistry.start({ directory })
const registry = new RegistryClient({ url: server.url })

const reading: Reading = {
  deviceId: 'multisensor-2-104',
  roomId: 'room-2-104',
  bus: 'zwave',
  kind: 'temperature',
  value: 21.4,
  unit: 'celsius',
  quality: 'good',
  eventTimeMs: 1_795_305_600_123,
  receivedAtMs: 1_795_305_600_151,
  sequence: 48_213,
  retained: false,
}
const command: Command = {
  commandId: '6f1c1e3c-52a3-4f57-9a3b-0d6f1c1e3c52',
  deviceId: 'blinds-2-104',
  roomId: 'room-2-104',
  kind: 'blinds',
  value: 0,
  issuer: 'rule:blinds-close',
  causes: [
    {
      topic: 'building.readings',
      partition: 2,
      offset: 9_000_000_000,
      deviceId: 'multisensor-2-104',
      kind: 'humidity',
      value: 61,
      timeMs: 1_795_305_600_123,
    },
  ],
  issuedAtMs: 1_795_305_600_160,
  expiresAtMs: 1_795_305_660_160,
}

try {
  await measure('building.readings', avro(Reading, { registry }), reading)
  await measure('building.commands', avro(Command, { registry }), command)
} finally {
  registry.close()
  await server.close()
  await rm(directory, { recursive: true })
}

async function measure<T>(topic: string, serde: ReturnType<typeof avro<T>>, value: T): Promise<void> {
  await serde.prepare?.(topic, 'value')
  const data = serde.serialize(value, topic)
  try {
    serde.deserialize(data, topic)
  } catch (error) {
    await (error as { ready: Promise<void> }).ready
  }
  const write = best(() => serde.serialize(value, topic))
  const read = best(() => serde.deserialize(data, topic))
  console.log(`${topic}: ${data.length} bytes, write ${write.toFixed(0)} ns, read ${read.toFixed(0)} ns`)
}

/** The best of five rounds: the others had to share the core. */
function best(once: () => unknown): number {
  let bestNs = Number.POSITIVE_INFINITY
  for (let round = 0; round < 5; round++) {
    const start = process.hrtime.bigint()
    for (let i = 0; i < records; i++) once()
    bestNs = Math.min(bestNs, Number(process.hrtime.bigint() - start) / records)
  }
  return bestNs
}
