import { isUtf8 } from 'node:buffer'
import type { Reading } from '../../schemas/types.ts'
import { isReadingKind, kindSpec, type Problem } from '../reading-kinds.ts'
import type { MqttMessage } from './client.ts'
import { lookUp } from './json-pointer.ts'
import type { CompiledReading, CompiledRule, TopicMapping } from './mapping.ts'
import type { PayloadForm } from './mapping-language.ts'
import { type CompiledSource, fill } from './mapping-source.ts'
import { measuredTime } from './measured-time.ts'
import { type Asked, measuredValue, numberOfText } from './measured-value.ts'
import { nameOf, required, typeName, Unusable } from './unusable.ts'

/**
 * Readings, or the reason why there are none, or both where a message is good in part; a record where the rule says so; nothing
 * at all only where the rule says that nobody wants it.
 */
export interface Decoded {
  readonly readings: readonly Reading[]
  readonly problem?: Problem
  readonly record?: ForwardedRecord
}

/** A message that goes on as it is. */
export interface ForwardedRecord {
  readonly topic: string
  readonly key: string
  readonly eventTimeMs: number
}

type Message = Pick<MqttMessage, 'topic' | 'payload' | 'retained'>

export const MAX_PAYLOAD_BYTES = 64 * 1024
const MAX_ID_LENGTH = 256
const NOTHING: Decoded = { readings: [] }

/** What a message says. Pure, and throws for no input: all that is wrong with one is a problem with a code. */
export function decodeMessage(mapping: TopicMapping, message: Message, receivedAtMs: number): Decoded {
  try {
    const match = mapping.match(message.topic)
    if (!match) throw new Unusable('NO_RULE', 'no mapping rule matches its topic')
    const { compiled, levels } = match
    const { rule } = compiled
    if (rule.ignore) return NOTHING
    const asked = { payload: parsePayload(message.payload, rule.payload ?? 'json'), levels }
    if (rule.record) return { readings: [], record: recordOf(rule.record.topic, compiled, asked, receivedAtMs) }
    return readingsOf(mapping, compiled, asked, { receivedAtMs, retained: message.retained })
  } catch (error) {
    if (error instanceof Unusable) return { readings: [], problem: error.problem }
    throw error
  }
}

function parsePayload(payload: Buffer, form: PayloadForm): unknown {
  if (payload.length === 0) throw new Unusable('EMPTY_PAYLOAD', 'the payload is empty')
  if (payload.length > MAX_PAYLOAD_BYTES)
    throw new Unusable('PAYLOAD_TOO_LARGE', `the payload has ${payload.length} bytes, more than ${MAX_PAYLOAD_BYTES}`)
  if (form === 'bytes') return undefined
  if (!isUtf8(payload)) throw new Unusable('NOT_UTF8', 'the payload is not UTF-8')
  const text = payload.toString('utf8')
  if (form === 'text') return text
  if (form === 'number') return numberOfText(text, 'the payload')
  try {
    return JSON.parse(text)
  } catch {
    throw new Unusable('NOT_JSON', 'the payload is not JSON')
  }
}

function recordOf(topic: string, compiled: CompiledRule, asked: Asked, receivedAtMs: number): ForwardedRecord {
  const key = id(told(compiled.recordKey, asked), 'key')
  return { topic, key, eventTimeMs: timeOf(compiled, asked) ?? receivedAtMs }
}

type Base = Pick<Reading, 'receivedAtMs' | 'retained'>
type Common = Omit<Reading, 'kind' | 'value' | 'unit' | 'bus'>

/** One reading for each value. What is wrong with one does not keep the others back. */
function readingsOf(mapping: TopicMapping, compiled: CompiledRule, asked: Asked, base: Base): Decoded {
  const deviceId = deviceIdOf(compiled, asked)
  const timeMs = timeOf(compiled, asked)
  const common: Common = {
    ...base,
    deviceId,
    roomId: roomIdOf(mapping, compiled, asked, deviceId),
    eventTimeMs: timeMs ?? base.receivedAtMs,
    // Without a time the receive time counts; for a retained message that is a guess.
    quality: timeMs === undefined && base.retained ? 'uncertain' : 'good',
    sequence: sequenceOf(compiled, asked),
  }
  const readings: Reading[] = []
  const problems: Problem[] = []
  for (const one of compiled.readings) {
    try {
      for (const [kind, raw] of valuesOf(one, asked)) {
        try {
          readings.push(toReading(kind, raw, one, asked, common))
        } catch (error) {
          problems.push(problemOf(error))
        }
      }
    } catch (error) {
      problems.push(problemOf(error))
    }
  }
  const [first] = problems
  if (first) return { readings, problem: { code: first.code, reason: problems.map((one) => one.reason).join('; ') } }
  if (readings.length === 0 && compiled.rule.whenEmpty !== 'ignore')
    throw new Unusable('MISSING_FIELD', `none of the values of ${compiled.title} is there`)
  return { readings }
}

function problemOf(error: unknown): Problem {
  if (error instanceof Unusable) return error.problem
  throw error
}

/** The names of kinds with their values as they came. */
function valuesOf({ rule, kind, each, value }: CompiledReading, asked: Asked): [kind: string, raw: unknown][] {
  const { payload } = asked
  if (each !== undefined) {
    const members = rule.optional ? (lookUp(payload, each) ?? {}) : required(payload, each)
    if (typeof members !== 'object' || members === null || Array.isArray(members))
      throw new Unusable('WRONG_TYPE', `${nameOf(each)} is ${typeName(members)}, not an object`)
    return Object.entries(members)
  }
  const raw = rule.optional ? (lookUp(payload, value) ?? undefined) : required(payload, value)
  if (raw === undefined) return []
  const name = told(kind, asked)
  if (typeof name !== 'string') throw new Unusable('WRONG_TYPE', `the kind is ${typeName(name)}, not a text`)
  return [[name, raw]]
}

function toReading(name: string, raw: unknown, one: CompiledReading, asked: Asked, common: Common): Reading {
  const { kinds } = one.rule
  const kind = kinds && Object.hasOwn(kinds, name) ? (kinds[name] as string) : name
  const spec = kindSpec(kind)
  if (!spec || !isReadingKind(kind))
    throw new Unusable('UNKNOWN_KIND', `there is no kind of reading ${JSON.stringify(kind.slice(0, 64))}`)
  return { ...common, bus: 'mqtt', kind, value: measuredValue(kind, raw, one, asked), unit: spec.unit }
}

/** What a source says of this message. */
function told(source: CompiledSource | undefined, { payload, levels }: Asked): unknown {
  if (source === undefined) return undefined
  return 'pointer' in source ? required(payload, source.pointer) : fill(source, levels)
}

function deviceIdOf({ deviceId: source }: CompiledRule, asked: Asked): string {
  const expected = asked.levels.get('deviceId')
  if (source === undefined) return id(expected, 'deviceId')
  if (!('pointer' in source) || expected === undefined) return id(told(source, asked), 'deviceId')
  const said = lookUp(asked.payload, source.pointer)
  if (said !== undefined && id(said, 'deviceId') !== expected)
    throw new Unusable('DEVICE_MISMATCH', `the payload is from device ${String(said)}, its topic from ${expected}`)
  return id(expected, 'deviceId')
}

function roomIdOf(mapping: TopicMapping, { roomId: source }: CompiledRule, asked: Asked, deviceId: string): string {
  if (source !== undefined) return id(told(source, asked), 'pointer' in source ? nameOf(source.pointer) : 'roomId')
  const room = asked.levels.get('roomId') ?? mapping.roomOf(deviceId)
  if (room === undefined)
    throw new Unusable(
      'NO_ROOM',
      `nothing tells the room of device ${deviceId}: name it under rooms in the mapping file`,
    )
  return id(room, 'roomId')
}

function timeOf({ time }: CompiledRule, asked: Asked): number | undefined {
  if (time === undefined) return undefined
  const said =
    'pointer' in time.from ? (lookUp(asked.payload, time.from.pointer) ?? null) : fill(time.from, asked.levels)
  return said === null ? undefined : measuredTime(said, time)
}

function sequenceOf({ sequence: source }: CompiledRule, asked: Asked): number | null {
  if (source === undefined || !('pointer' in source)) return null
  const sequence = lookUp(asked.payload, source.pointer) ?? null
  if (sequence === null || Number.isSafeInteger(sequence)) return sequence as number | null
  throw new Unusable('WRONG_TYPE', 'sequence is not an integer')
}

function id(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Unusable('WRONG_TYPE', `${what} is ${typeName(value)}, not a text`)
  if (value === '' || value.length > MAX_ID_LENGTH || /\p{Cc}|\p{Cs}/u.test(value))
    throw new Unusable('BAD_ID', `${what} must be 1 to ${MAX_ID_LENGTH} characters without control characters`)
  return value
}
