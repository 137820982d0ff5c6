import type { Command, Device } from '../../schemas/types.ts'
import { BUILT_IN_COMMANDS, type CommandRule } from './command-language.ts'

/** What to publish for a command. */
export interface CommandMessage {
  readonly topic: string
  readonly payload: string
  readonly confirmedBy: 'reading' | 'broker'
}

/** Why a command cannot be told its device. */
export interface CommandRefusal {
  readonly refusal: string
}

const MAX_TOPIC_BYTES = 65_535

/** Ordered rules; the first that is for the device and the kind counts. */
export class CommandMapping {
  readonly #rules: readonly CommandRule[]

  /** The rules have been checked. */
  constructor(rules: readonly CommandRule[] = [], builtIn = true) {
    this.#rules = builtIn ? [...rules, ...BUILT_IN_COMMANDS] : rules
  }

  message({ kind, value }: Pick<Command, 'kind' | 'value'>, device: Device): CommandMessage | CommandRefusal {
    if (kind === 'switch' && value !== 0 && value !== 1) return { refusal: `a switch is 0 or 1, not ${value}` }
    if (!(value >= 0 && value <= 100)) return { refusal: `${kind} is from 0 to 100, not ${value}` }
    const rule = this.#rules.find((one) => isFor(one, device.deviceId, kind))
    if (rule === undefined) return { refusal: `the MQTT mapping has no command rule for ${kind} of ${device.deviceId}` }
    const text = valueText(rule, value)
    if (text === undefined) return { refusal: `${device.deviceId} cannot be told ${value}: ${shownMap(rule)}` }
    if (rule.topic.includes('<topic>') && device.mqtt === null)
      return { refusal: `${device.deviceId} has no MQTT topic, and its command rule asks for it` }
    const { deviceId, roomId, mqtt } = device
    const names = new Map([
      ['deviceId', deviceId],
      ['roomId', roomId],
      ['kind', kind],
      ['topic', mqtt?.topic ?? ''],
    ])
    const topic = filled(rule.topic, names)
    if (!isTopic(topic)) return { refusal: `${JSON.stringify(topic)} is no topic that a message can go to` }
    const payload = filled(rule.payload ?? '<value>', names.set('value', text))
    return { topic, payload, confirmedBy: rule.confirmedBy ?? 'reading' }
  }
}

function isFor({ devices, kinds }: CommandRule, deviceId: string, kind: string): boolean {
  return (devices?.some((one) => isMeant(one, deviceId)) ?? true) && (kinds?.includes(kind) ?? true)
}

function isMeant(device: string, deviceId: string): boolean {
  return device.endsWith('*') ? deviceId.startsWith(device.slice(0, -1)) : device === deviceId
}

function valueText({ map, range }: CommandRule, value: number): string | undefined {
  if (map !== undefined) {
    const found = Object.entries(map).find(([from]) => Number(from) === value)
    return found && String(found[1])
  }
  if (range !== undefined) return String(Math.round(range[0] + (value / 100) * (range[1] - range[0])))
  return String(value)
}

function shownMap({ map = {} }: CommandRule): string {
  return `its map has ${Object.keys(map).join(', ')}`
}

function filled(text: string, names: ReadonlyMap<string, string>): string {
  return text.replaceAll(/<([^<>]+)>/g, (all, name: string) => names.get(name) ?? all)
}

function isTopic(topic: string): boolean {
  return topic !== '' && !/[+#\0]/.test(topic) && !topic.startsWith('$') && Buffer.byteLength(topic) <= MAX_TOPIC_BYTES
}
