/** The building: streams, HTTP and page; with the connectors and a simulated house where nothing else is set. `npm start`. */

import type { Logger } from '../common/log.ts'
import { Metrics } from '../common/metrics.ts'
import { version } from '../common/version.ts'
import { LiveHub } from '../http/live/live-hub.ts'
import { HttpProblem } from '../http/problem.ts'
import { createHttpServer } from '../http/server.ts'
import { KafkaStreams, restoreProgressBar } from '../streams/index.ts'
import { buildingTopology } from '../topology/building.ts'
import { reportConnectors } from './connector-reports.ts'
import { deadLetterHandlers } from './dead-letters.ts'
import { AvailabilityFeed } from './device-availability.ts'
import type { BusName, Field } from './field.ts'
import { takeInstance } from './instance.ts'
import { LiveFeed } from './live-feed.ts'
import { type OpenField, openField, untilRunning } from './open-field.ts'
import { openPlatform, type Platform } from './platform.ts'
import { type Closing, runProgram } from './program.ts'
import { PlatformReadiness } from './readiness.ts'
import { type CommandSender, openCommandSender } from './send-command.ts'
import type { BuildingSettings } from './settings.ts'
import { startProgram } from './start.ts'
import { stateDirectory } from './state-directory.ts'

const USAGE = `Runs the building: averages, occupancy and rules over the log, with queries and a web page over HTTP.
Without settings everything it needs runs inside this process: log, schema registry, MQTT broker and a simulated house.`

const { settings, log, isGiven } = startProgram(USAGE, process.argv.slice(2))

await runProgram(log, async (closing, signal, fail) => {
  const instance = await takeInstance(settings.dataDir)
  closing.add('the instance', () => instance.release())
  const metrics = new Metrics()
  const hub = new LiveHub({ metrics })
  closing.add('the live hub', () => hub.close())
  const readiness = new PlatformReadiness()
  let streams: KafkaStreams | undefined
  let commands: CommandSender | undefined
  let field: Field | undefined
  const http = createHttpServer({
    host: settings.httpHost,
    port: settings.httpPort,
    token: settings.httpToken,
    streams: () => streams,
    metrics,
    live: hub,
    commands: async (request) => {
      if (commands === undefined) throw new HttpProblem('NOT_RUNNING', 'the building is starting', { retryAfterS: 2 })
      return commands.send(request)
    },
    zwave: () => field?.zwave,
    readiness: readiness.checks,
    version,
    log,
  })
  // Before anything is waited for: whoever watches the process sees that it lives, and what it waits for.
  const { url } = await http.start()
  closing.add('the HTTP server', () => http.stop())
  const platform = await openPlatform(settings, log, signal, readiness.waits)
  closing.add('the log', () => platform.close())
  commands = await openCommandSender(platform)
  closing.add('the command sender', () => commands?.close())
  readiness.opened(platform)
  // Requests need the log: no more are taken before it is closed.
  closing.add('the HTTP server', () => http.stop())

  const opened = await maybeOpenField(instance.number, instance.directory, platform, metrics, closing, log)
  if (opened !== undefined) {
    field = opened.field
    nameRooms(opened, hub)
    reportConnectors(opened.field, hub, closing)
    await untilRunning(opened.field, signal)
  }
  streams = await startStreams(settings, platform, instance.directory, url, metrics, closing, log, fail)
  await streams.waitFor('RUNNING')
  const minSilenceMs = settings.deviceSilentAfter
  const availability = new AvailabilityFeed({ hub, minSilenceMs, metrics, log })
  const feed = new LiveFeed(platform, settings.applicationId, availability, log)
  await feed.start()
  closing.add('the live feed', () => feed.stop())
  availability.start()
  closing.add('the watch over the devices', () => availability.stop())
  announce(url, opened)
})

/** The first process on a data directory bridges the buses; others that are started beside it share the stream work. */
async function maybeOpenField(
  instance: number,
  directory: string,
  platform: Platform,
  metrics: Metrics,
  closing: Closing,
  logger: Logger,
): Promise<OpenField | undefined> {
  const asked = (['simulate', 'house', 'mqttUrl', 'knxGateway', 'zwavePort'] as const).filter(
    (name) => isGiven(name) && settings[name] !== 'none',
  )
  if (instance > 1 && asked.length === 0) {
    logger.info(
      { instance },
      'another process on this data directory has the connectors and the simulated house: this one shares the stream work',
    )
    return undefined
  }
  const isEmbedded = settings.kafkaBrokers === undefined
  const simulates = settings.simulate !== 'none'
  const buses = new Set<BusName>()
  if (simulates || isEmbedded || settings.mqttUrl !== undefined) buses.add('mqtt')
  if (simulates || settings.knxGateway !== undefined) buses.add('knx')
  if (simulates || settings.zwavePort !== undefined) buses.add('zwave')
  if (buses.size === 0 && settings.house === undefined) return undefined
  return openField({ settings, platform, buses, directory, metrics, closing, log: logger })
}

async function startStreams(
  { applicationId, advertisedUrl, kafkaBrokers, topologyCheck }: BuildingSettings,
  platform: Platform,
  directory: string,
  url: string,
  metrics: Metrics,
  closing: Closing,
  logger: Logger,
  fail: (error: Error) => void,
): Promise<KafkaStreams> {
  const streams = new KafkaStreams(buildingTopology({ registry: platform.registry }), {
    applicationId,
    kafka: platform.kafka,
    stateDir: stateDirectory(directory, kafkaBrokers),
    applicationServer: advertisedUrl ?? url,
    processingGuarantee: 'exactly_once',
    commitInterval: '100ms',
    cacheMaxBytes: 0,
    sessionTimeout: '10s',
    heartbeatInterval: '2s',
    ...(await deadLetterHandlers(platform)),
    topologyCheck,
    // Elsewhere the log tells of restores.
    ...(process.stderr.isTTY ? { stateRestoreListener: restoreProgressBar() } : {}),
    onUncaughtError: fail,
    log: logger,
    metrics,
  })
  closing.add('the stream application', () => streams.close())
  await streams.start()
  return streams
}

function nameRooms({ house, groupRooms }: OpenField, hub: LiveHub): void {
  for (const room of groupRooms) hub.publish({ type: 'room', key: room.roomId, data: { ...room } })
  for (const { floor, rooms } of house?.floors ?? []) {
    for (const { roomId, name } of rooms) hub.publish({ type: 'room', key: roomId, data: { roomId, name, floor } })
  }
}

function announce(url: string, opened: OpenField | undefined): void {
  const lines = [
    '',
    `  Brook is running: ${url}`,
    ...(opened?.mqttUrl ? [`  MQTT broker:      ${opened.mqttUrl}`] : []),
    ...(opened?.mqttUrl && opened.house
      ? [
          `  Try:              npx mqtt pub -q 1 -h 127.0.0.1 -p ${new URL(opened.mqttUrl).port} -t building/room-101/my-sensor/temperature -m '{"value": 25.5}'`,
        ]
      : []),
    '  Ctrl-C stops it.',
    '',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
