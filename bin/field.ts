import { join } from 'node:path'
import type { Logger } from '../common/log.ts'
import type { Metrics } from '../common/metrics.ts'
import type { Connector, ConnectorStatus } from '../connectors/connector.ts'
import { DeviceTable } from '../connectors/device-table.ts'
import { MAX_AHEAD_MS } from '../connectors/event-time.ts'
import { KnxConnector } from '../connectors/knx/knx-connector.ts'
import { MqttConnector } from '../connectors/mqtt/connector.ts'
import { ReadingPublisher } from '../connectors/publisher.ts'
import { ReadingReports } from '../connectors/reading-reports.ts'
import { StatusTracker } from '../connectors/status.ts'
import { Supervisor } from '../connectors/supervisor.ts'
import { ZwaveConnector } from '../connectors/zwave/zwave-connector.ts'
import type { ZwaveControl } from '../http/routes/context.ts'
import { topics } from '../schemas/topics.ts'
import { type MqttPlan, mqttConnections } from './mqtt-connections.ts'
import type { Platform } from './platform.ts'
import type { HostAndPort } from './settings.ts'
import { zwaveControl } from './zwave-control.ts'
import { type ZwavePlan, zwaveDriver } from './zwave-driver.ts'

export type BusName = 'mqtt' | 'knx' | 'zwave'

/** The buses that this process bridges, with where each is. */
export interface FieldPlan {
  readonly mqtt?: MqttPlan
  readonly knx?: HostAndPort
  readonly zwave?: ZwavePlan
  /** Where drivers keep what they learn. */
  readonly directory: string
  /** Answers commands for devices that nobody knows; one process of a building does. */
  readonly answersUnknownDevices: boolean
}

export interface Field {
  statuses(): readonly ConnectorStatus[]
  /** The Z-Wave network, where the plan has one. */
  readonly zwave?: ZwaveControl
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
  const common = (bus: BusName, name: string = bus) => {
    const status = new StatusTracker(name, { metrics })
    const publisher = makePublisher(platform, status, log)
    const commands = {
      kafka,
      topic: topics.commands.name,
      key: platform.key,
      value: platform.value(topics.commands.value),
      groupId: `brook-connector-${bus}`,
      results: { topic: topics.commandResults.name, value: platform.value(topics.commandResults.value) },
    }
    return { status, publisher, commands, devices, logger: log.child({ connector: name }) }
  }
  const connectors: Connector[] = []
  let zwave: ZwaveControl | undefined
  const publishers: ReadingPublisher[] = []
  if (plan.mqtt !== undefined) {
    const readings = { topic: topics.readings.name, key: platform.key, value: platform.value(topics.readings.value) }
    const reports = new ReadingReports({ kafka, ...readings, logger })
    for (const [index, options] of (await mqttConnections(plan.mqtt, plan.directory, log)).entries()) {
      const { status, publisher, commands, logger } = common('mqtt', options.name)
      publishers.push(publisher)
      // One connection of a process is enough to tell devices what to do; they may be heard over any.
      const telling = index === 0 ? { commands: { ...commands, devices, reports } } : {}
      connectors.push(new MqttConnector({ ...options, ...telling, publisher, status, metrics, logger }))
    }
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
    const { logger, ...rest } = common('zwave')
    const cacheDir = join(plan.directory, 'zwave')
    const connector = new ZwaveConnector({
      ...rest,
      logger,
      port: plan.zwave.path,
      createDriver: zwaveDriver(plan.zwave, cacheDir, logger),
    })
    connectors.push(connector)
    zwave = zwaveControl(connector, devices, platform)
  }
  const supervisor = new Supervisor({ connectors, logger })
  supervisor.start()
  return {
    statuses: () => supervisor.statuses(),
    ...(zwave ? { zwave } : {}),
    async stop() {
      await supervisor.stop()
      await Promise.all(publishers.map((p) => p.close()))
      await devices.stop()
    },
  }
}

/** The way of one connector into the building's topics. */
export function makePublisher(platform: Platform, status: StatusTracker, logger: Logger): ReadingPublisher {
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
