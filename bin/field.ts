import { join } from 'node:path'
import type { Logger } from '../common/log.ts'
import type { Metrics } from '../common/metrics.ts'
import type { Connector, ConnectorStatus } from '../connectors/connector.ts'
import { DeviceTable } from '../connectors/device-table.ts'
import { KnxConnector } from '../connectors/knx/knx-connector.ts'
import type { MqttEndpoint } from '../connectors/mqtt/client.ts'
import { MqttConnector } from '../connectors/mqtt/connector.ts'
import { TopicMapping } from '../connectors/mqtt/mapping.ts'
import { ReadingPublisher } from '../connectors/publisher.ts'
import { StatusTracker } from '../connectors/status.ts'
import { Supervisor } from '../connectors/supervisor.ts'
import { ZwaveConnector } from '../connectors/zwave/zwave-connector.ts'
import { ZwaveJsDriver } from '../connectors/zwave/zwave-js-driver.ts'
import { topics } from '../schemas/topics.ts'
import type { Platform } from './platform.ts'
import type { HostAndPort } from './settings.ts'

/**
 * A record moves the stream time of all rooms that share its task: a clock further ahead than the averages' grace (1 min) would
 * make the readings of the others late. Half of it leaves room for the way through the log.
 */
const MAX_AHEAD_MS = 30_000

export type BusName = 'mqtt' | 'knx' | 'zwave'

/** The buses that this process bridges, with where each is. */
export interface FieldPlan {
  readonly mqtt?: MqttEndpoint
  readonly knx?: HostAndPort
  readonly zwave?: { readonly path: string; readonly simulated: boolean }
  /** Where drivers keep what they learn. */
  readonly directory: string
  /** Answers commands for devices that nobody knows; one process of a building does. */
  readonly answersUnknownDevices: boolean
}

export interface Field {
  statuses(): readonly ConnectorStatus[]
  stop(): Promise<void>
}

/** Starts the connectors of the plan under a supervisor. */
export async function startField(plan: FieldPlan, platform: Platform, metrics: Metrics, log: Logger): Promise<Field> {
  const { kafka } = platform
  const logger = log
  const devices = new DeviceTable({
    kafka,
    topic: topics.devices.name,
    key: platform.key,
    value: platform.value(topics.devices.value),
    logger,
  })
  await devices.start()
  const common = (bus: BusName) => {
    const status = new StatusTracker(bus, { metrics })
    const publisher = makePublisher(platform, status, log)
    const commands = {
      kafka,
      topic: topics.commands.name,
      key: platform.key,
      value: platform.value(topics.commands.value),
      groupId: `brook-connector-${bus}`,
    }
    return { status, publisher, commands, devices, logger: log.child({ connector: bus }) }
  }
  const connectors: Connector[] = []
  const publishers: ReadingPublisher[] = []
  if (plan.mqtt !== undefined) {
    const { status, publisher, logger } = common('mqtt')
    publishers.push(publisher)
    connectors.push(new MqttConnector({ endpoint: plan.mqtt, mapping: new TopicMapping(), publisher, status, logger }))
  }
  if (plan.knx !== undefined) {
    const { commands, ...rest } = common('knx')
    connectors.push(
      new KnxConnector({
        ...rest,
        metrics,
        link: plan.knx,
        commands: { ...commands, answersUnknownDevices: plan.answersUnknownDevices },
      }),
    )
  }
  if (plan.zwave !== undefined) {
    const { path, simulated } = plan.zwave
    const { logger, ...rest } = common('zwave')
    const cacheDir = join(plan.directory, 'zwave')
    connectors.push(
      new ZwaveConnector({
        ...rest,
        logger,
        createDriver: () => new ZwaveJsDriver({ path, cacheDir, softReset: !simulated, logger }),
      }),
    )
  }
  const supervisor = new Supervisor({ connectors, logger })
  supervisor.start()
  return {
    statuses: () => supervisor.statuses(),
    async stop() {
      await supervisor.stop()
      await Promise.all(publishers.map((p) => p.close()))
      await devices.stop()
    },
  }
}

function makePublisher(platform: Platform, status: StatusTracker, logger: Logger): ReadingPublisher {
  const { readings, commandResults, deadLetters } = topics
  return new ReadingPublisher({
    createProducer: () => platform.kafka.createProducer(),
    readings: { topic: readings.name, key: platform.key, value: platform.value(readings.value) },
    commandResults: { topic: commandResults.name, key: platform.key, value: platform.value(commandResults.value) },
    deadLetters: { topic: deadLetters.name, value: platform.value(deadLetters.value) },
    maxAheadMs: MAX_AHEAD_MS,
    status,
    logger,
  })
}
