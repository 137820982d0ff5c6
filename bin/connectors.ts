/** One connector in a process of its own, of a bus or a sink: `node bin/connectors.ts mqtt`, `knx`, `zwave`, `s3` or `influxdb`. */

import { Metrics } from '../common/metrics.ts'
import { LiveHub } from '../http/live/live-hub.ts'
import type { ReadinessCheck } from '../http/routes/context.ts'
import { createHttpServer } from '../http/server.ts'
import { reportConnectors } from './connector-reports.ts'
import type { BusName, Field } from './field.ts'
import { takeInstance } from './instance.ts'
import { openField } from './open-field.ts'
import { openPlatform } from './platform.ts'
import { runProgram } from './program.ts'
import { PlatformReadiness } from './readiness.ts'
import type { BuildingSettings } from './settings.ts'
import { SINKS } from './sinks.ts'
import { startProgram } from './start.ts'

const BUSES: readonly BusName[] = ['mqtt', 'knx', 'zwave']

const NAMES = [...BUSES, ...SINKS.map(({ name }) => name)]

const USAGE = `Runs one connector, between the devices of a bus and Kafka or from Kafka to a sink: node bin/connectors.ts ${NAMES.join('|')}
A bus that no setting leads to is simulated, unless BROOK_SIMULATE is none. /readyz says whether the connector works.`

const [first = '', ...others] = process.argv.slice(2)
const bus = BUSES.find((name) => name === first)
const sink = SINKS.find(({ name }) => name === first)
const { settings, log } = startProgram(USAGE, first.startsWith('-') ? [first, ...others] : others, problems)

await runProgram(log, async (closing, signal) => {
  const instance = await takeInstance(settings.dataDir)
  closing.add('the instance', () => instance.release())
  const metrics = new Metrics()
  const hub = new LiveHub({ metrics })
  closing.add('the live hub', () => hub.close())
  const readiness = new PlatformReadiness()
  let field: Field | undefined
  const http = createHttpServer({
    host: settings.httpHost,
    port: settings.httpPort,
    token: settings.httpToken,
    metrics,
    live: hub,
    zwave: () => field?.zwave,
    readiness: [...readiness.checks, connectorCheck(() => field)],
    log,
  })
  const { url } = await http.start()
  closing.add('the HTTP server', () => http.stop())
  const platform = await openPlatform(settings, log, signal, readiness.waits)
  closing.add('the log', () => platform.close())
  readiness.opened(platform)
  if (sink) {
    const started = await sink.start(settings, platform, metrics, log)
    closing.add('the sink', () => started.stop())
    field = started
    reportConnectors(started, hub, closing)
    log.info({ connector: sink.name, url }, 'the sink is started')
    return
  }
  const buses = new Set(bus === undefined ? [] : [bus])
  const opened = await openField({ settings, platform, buses, directory: instance.directory, metrics, closing, log })
  field = opened.field
  reportConnectors(opened.field, hub, closing)
  log.info({ connector: bus, url, ...(opened.mqttUrl ? { mqtt: opened.mqttUrl } : {}) }, 'the connector is started')
})

/** What only this program asks of the settings. */
function problems(given: BuildingSettings): string[] {
  const { kafkaBrokers, simulate, knxGateway, zwavePort } = given
  const isAlone = simulate === 'none'
  const rules: readonly (readonly [isBroken: boolean, problem: string])[] = [
    [!NAMES.includes(first), `the first argument must be one of ${NAMES.join(', ')}, got ${JSON.stringify(first)}`],
    [
      kafkaBrokers === undefined,
      'BROOK_KAFKA_BROKERS is required: the embedded log is for one process, which has its connectors in it',
    ],
    [bus === 'knx' && isAlone && knxGateway === undefined, 'BROOK_KNX_GATEWAY is required when BROOK_SIMULATE is none'],
    [bus === 'zwave' && isAlone && zwavePort === undefined, 'BROOK_ZWAVE_PORT is required when BROOK_SIMULATE is none'],
  ]
  return [...rules.filter(([isBroken]) => isBroken).map(([, problem]) => problem), ...(sink?.problems(given) ?? [])]
}

function connectorCheck(field: () => Field | undefined): ReadinessCheck {
  return {
    name: 'connector',
    check: async () => {
      const statuses = field()?.statuses() ?? []
      if (statuses.length === 0) return 'the connector has not been started yet'
      const status = statuses.find(({ state }) => state !== 'running')
      if (status === undefined) return undefined
      return `the connector${statuses.length > 1 ? ` ${status.name}` : ''} is ${status.state}${status.lastError === undefined ? '' : `: ${status.lastError}`}`
    },
  }
}
