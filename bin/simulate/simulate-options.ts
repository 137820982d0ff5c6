import { join } from 'node:path'
import { asError, InvalidArgumentError } from '../../common/errors.ts'
import type { OptionValues } from '../cli/command.ts'
import { UsageError } from '../cli/errors.ts'
import type { BuildingSettings, HostAndPort } from '../settings.ts'
import { type PlannedFault, parseFaultPlan, parseTime } from './fault-spec.ts'

/** What is simulated, and how. */
export interface SimulateOptions {
  readonly rooms: number
  readonly floors?: number
  readonly zwaveNodes?: number
  readonly seed: number
  readonly people?: number
  readonly speed: number
  /** The time of the house when it begins. */
  readonly startMs: number
  /** `own`: a broker in this process; `undefined`: no MQTT. */
  readonly mqtt: 'own' | { readonly url: string } | undefined
  readonly knx: HostAndPort | undefined
  /** The TCP port of the stick, 0 for a free one; `ptyPath`: it is behind a serial device there. */
  readonly zwave: { readonly port: number; readonly ptyPath?: string } | undefined
  /** Port of the control on 127.0.0.1; `undefined`: none. */
  readonly controlPort: number | undefined
  readonly statusMs: number
  readonly plan: readonly PlannedFault[]
  readonly directory: string
}

export const DEFAULT_CONTROL_PORT = 8079
const DEFAULT_KNX: HostAndPort = { host: '127.0.0.1', port: 3671 }
const DEFAULT_ZWAVE_PORT = 4901
const MAX_SPEED = 1_000

/** @throws {UsageError} with every problem at once. */
export function simulateOptions(values: OptionValues, settings: BuildingSettings, nowMs: number): SimulateOptions {
  const problems: string[] = []
  const read = <T>(name: string, parse: (text: string) => T, otherwise: T): T => {
    const text = values[name]
    if (typeof text !== 'string') return otherwise
    try {
      return parse(text)
    } catch (error) {
      problems.push(`--${name}: ${asError(error).message}`)
      return otherwise
    }
  }
  const whole = (min: number, max: number) => (text: string) => wholeNumber(text, min, max)
  const directory = read('directory', (text) => text, join(settings.dataDir, 'simulate'))
  const floors = read<number | undefined>('floors', whole(1, 3_000), undefined)
  const people = read<number | undefined>('people', whole(0, 100_000), undefined)
  const zwaveNodes = read<number | undefined>('zwave-nodes', whole(0, 231), undefined)
  const options: SimulateOptions = {
    rooms: read('rooms', whole(1, 3_000), 12),
    seed: read('seed', whole(0, 0xffffffff), 1),
    speed: read('speed', speedOf, 1),
    startMs: read('start', timeOf, nowMs),
    mqtt: read<SimulateOptions['mqtt']>('mqtt', mqttOf, 'own'),
    knx: read<SimulateOptions['knx']>('knx', knxOf, DEFAULT_KNX),
    zwave: read<SimulateOptions['zwave']>('zwave', (text) => zwaveOf(text, directory), { port: DEFAULT_ZWAVE_PORT }),
    controlPort: read<number | undefined>('control', portOrOff, DEFAULT_CONTROL_PORT),
    statusMs: read('status', parseTime, 60_000),
    plan: read<readonly PlannedFault[]>('fault', parseFaultPlan, []),
    directory,
    ...(floors === undefined ? {} : { floors }),
    ...(people === undefined ? {} : { people }),
    ...(zwaveNodes === undefined ? {} : { zwaveNodes }),
  }
  if (options.mqtt === undefined && options.knx === undefined && options.zwave === undefined)
    problems.push('--mqtt, --knx and --zwave are all off: nothing is left to simulate')
  if (problems.length > 0) throw new UsageError(problems.join('\n'))
  return options
}

function wholeNumber(text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new InvalidArgumentError(`must be a whole number from ${min} to ${max}, got ${JSON.stringify(text)}`)
}

function speedOf(text: string): number {
  const speed = Number(/^(\d+(?:\.\d+)?)x?$/.exec(text)?.[1])
  if (speed > 0 && speed <= MAX_SPEED) return speed
  throw new InvalidArgumentError(
    `must be more than 0x and at most ${MAX_SPEED}x, such as 10x, got ${JSON.stringify(text)}`,
  )
}

function timeOf(text: string): number {
  const ms = Date.parse(text)
  if (Number.isNaN(ms))
    throw new InvalidArgumentError(`must be a time such as 2026-01-15T08:00, got ${JSON.stringify(text)}`)
  return ms
}

function mqttOf(text: string): SimulateOptions['mqtt'] {
  if (text === 'off') return undefined
  if (text === 'own') return 'own'
  if (/^(mqtts?|wss?):\/\/[^\s]+$/.test(text)) return { url: text }
  throw new InvalidArgumentError(
    `must be own, off or the URL of a broker (mqtt://host:1883), got ${JSON.stringify(text)}`,
  )
}

function knxOf(text: string): HostAndPort | undefined {
  if (text === 'off') return undefined
  const match = /^([^\s:/]+)(?::(\d{1,5}))?$/.exec(text)
  const port = Number(match?.[2] ?? DEFAULT_KNX.port)
  if (match?.[1] !== undefined && port <= 65_535) return { host: match[1], port }
  throw new InvalidArgumentError(`must be off, host or host:port, got ${JSON.stringify(text)}`)
}

function zwaveOf(text: string, directory: string): SimulateOptions['zwave'] {
  const [, kind, where] = /^(off|tcp|pty)(?::(.+))?$/.exec(text) ?? []
  if (kind === 'off' && where === undefined) return undefined
  if (kind === 'tcp') return { port: where === undefined ? DEFAULT_ZWAVE_PORT : wholeNumber(where, 0, 65_535) }
  if (kind === 'pty') return { port: 0, ptyPath: where ?? join(directory, 'zwave-stick') }
  throw new InvalidArgumentError(`must be off, tcp, tcp:port, pty or pty:path, got ${JSON.stringify(text)}`)
}

function portOrOff(text: string): number | undefined {
  return text === 'off' ? undefined : wholeNumber(text, 0, 65_535)
}
