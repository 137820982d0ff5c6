/**
 * The MQTT connector as a process of its own, wired as the building's programs do it: `mqtt-app.ts '<MqttAppOptions as JSON>'`. Prints
 * the broker's port when it is connected, and a {@link Measured} when so many records are in Kafka and the broker was told of each.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startField } from '../../../bin/field.ts'
import { openPlatform } from '../../../bin/platform.ts'
import { loadBuildingSettings } from '../../../bin/settings.ts'
import { silentLogger } from '../../../common/log.ts'
import { Metrics } from '../../../common/metrics.ts'
import { EmbeddedBroker } from '../../../connectors/mqtt/embedded-broker.ts'
import { EmbeddedRegistry } from '../../../schemas/embedded-registry.ts'
import type { Measured } from '../harness/measured.ts'

export interface MqttAppOptions {
  readonly brokers: string
  readonly dataDir: string
  /** Of a Mosquitto; without it the embedded broker runs in this process. */
  readonly port?: number
  /** The job ends when it has written so many. */
  readonly records: number
}

const LOOK_EVERY_MS = 2
const SESSION = 'bench-connector'

async function main({ brokers, dataDir, port, records }: MqttAppOptions): Promise<void> {
  const registry = await EmbeddedRegistry.start({ directory: join(dataDir, 'registry') })
  const { settings } = loadBuildingSettings([], {
    BROOK_DATA_DIR: dataDir,
    BROOK_KAFKA_BROKERS: brokers,
    BROOK_SCHEMA_REGISTRY: registry.url,
  })
  const platform = await openPlatform(settings, silentLogger, AbortSignal.timeout(60_000))
  const embedded = port === undefined ? new EmbeddedBroker({ dataDir, port: 0 }) : undefined
  await embedded?.start()
  const url = embedded?.url ?? `mqtt://127.0.0.1:${port}`
  const plan = { mqtt: { url, clientId: SESSION }, directory: dataDir, answersUnknownDevices: false }
  const field = await startField(plan, platform, new Metrics(), silentLogger)
  const status = () => field.statuses()[0] as ReturnType<typeof field.statuses>[number]
  while (status().state !== 'running') await sleep(LOOK_EVERY_MS)
  process.stdout.write(`${new URL(url).port}\n`)
  while (status().published === 0) await sleep(LOOK_EVERY_MS)
  const firstAt = performance.now()
  while (status().published < records) await sleep(LOOK_EVERY_MS)
  const lastAt = performance.now()
  await field.stop()
  const closedAt = performance.now()
  const { user, system } = process.cpuUsage()
  const measured: Measured = {
    recordsPerSecond: (records / (lastAt - firstAt)) * 1_000,
    inclusivePerSecond: (records / (closedAt - firstAt)) * 1_000,
    cpuMicrosPerRecord: (user + system) / records,
    maxRssMb: process.resourceUsage().maxRSS / 1_024,
  }
  process.stdout.write(`${JSON.stringify(measured)}\n`)
  await embedded?.stop()
  await platform.close()
  await registry.close()
}

await main(JSON.parse(process.argv[2] ?? '{}') as MqttAppOptions)
