import { isUtf8 } from 'node:buffer'
import type { Reading } from '../../schemas/types.ts'
import { isReadingKind, kindSpec, type Problem, valueProblem } from '../reading-kinds.ts'
import type { MqttMessage } from './client.ts'
import type { Captured, TopicMapping } from './mapping.ts'

/** Readings, or the reason why there are none, or both where a message is good in part. Never neither. */
export interface Decoded {
  readonly readings: readonly Reading[]
  readonly problem?: Problem
}

export const MAX_PAYLOAD_BYTES = 64 * 1024
const MAX_ID_LENGTH = 256

/** Thrown and caught inside this file. */
class Unusable extends Error {
  readonly problem: Problem

  constructor(code: string, reason: string) {
    super(reason)
    this.problem = { code, reason }
  }
}

/** What a message says. Pure, and throws for no input: all that is wrong with one is a problem with a code. */
export function decodeMessage(
  mapping: TopicMapping,
  message: Pick<MqttMessage, 'topic' | 'payload' | 'retained'>,
  receivedAtMs: number,
): Decoded {
  try {
    const match = mapping.match(message.topic)
    if (!match) throw new Unusable('NO_RULE', 'no mapping rule matches its topic')
    const payload = parsePayload(message.payload)
    const base = { receivedAtMs, retained: message.retained }
    return match.rule.payload === 'value'
      ? decodeValue(payload, match.captured, base)
      : decodeSensorMessage(payload, match.captured, base)
  } catch (error) {
    if (error instanceof Unusable) return { readings: [], problem: error.problem }
    throw error
  }
}

type Json = Readonly<Record<string, unknown>>
type Base = Pick<Reading, 'receivedAtMs' | 'retained'>

function parsePayload(payload: Buffer): Json {
  if (payload.length === 0) throw new Unusable('EMPTY_PAYLOAD', 'the payload is empty')
  if (payload.length > MAX_PAYLOAD_BYTES)
    throw new Unusable('PAYLOAD_TOO_LARGE', `the payload has ${payload.length} bytes, more than ${MAX_PAYLOAD_BYTES}`)
  if (!isUtf8(payload)) throw new Unusable('NOT_UTF8', 'the payload is not UTF-8')
  let parsed: unknown
  try {
    parsed = JSON.parse(payload.toString('utf8'))
  } catch {
    throw new Unusable('NOT_JSON', 'the payload is not JSON')
  }
  return object(parsed, 'the payload')
}

/** `{"value": 23.4, "timestamp"?: ms or ISO 8601, "sequence"?: integer, "deviceId"?: text}` */
function decodeValue(payload: Json, captured: Captured, base: Base): Decoded {
  const deviceId = deviceIdOf(payload, captured)
  const roomId = id(captured.roomId, 'roomId')
  const reading = toReading(captured.kind ?? '', field(payload, 'value'), {
    ...base,
    deviceId,
    roomId,
    ...timeOf(payload, base),
    sequence: sequenceOf(payload),
  })
  return { readings: [reading] }
}

/**
 * `{"deviceId", "timestamp"?, "location": {"room"}, "readings": {"temperature": 23.5, …}, "metadata"?: {"battery_level"?}}`: one
 * reading for each kind under `readings`, and one of the battery. What is wrong with one does not keep the others back.
 */
function decodeSensorMessage(payload: Json, captured: Captured, base: Base): Decoded {
  const deviceId = deviceIdOf(payload, captured)
  const roomId = captured.roomId ?? field(object(field(payload, 'location'), 'location'), 'room')
  const common = {
    ...base,
    deviceId,
    roomId: id(roomId, 'location.room'),
    ...timeOf(payload, base),
    sequence: sequenceOf(payload),
  }
  const measured = Object.entries(object(field(payload, 'readings'), 'readings'))
  const battery = batteryOf(payload)
  if (battery !== undefined) measured.push(['battery', battery])
  if (measured.length === 0) throw new Unusable('MISSING_FIELD', 'readings holds no reading')
  const readings: Reading[] = []
  const problems: Problem[] = []
  for (const [kind, value] of measured) {
    try {
      readings.push(toReading(kind, value, common))
    } catch (error) {
      if (!(error instanceof Unusable)) throw error
      problems.push(error.problem)
    }
  }
  const [first] = problems
  if (!first) return { readings }
  return { readings, problem: { code: first.code, reason: problems.map((problem) => problem.reason).join('; ') } }
}

function toReading(kind: string, value: unknown, common: Omit<Reading, 'kind' | 'value' | 'unit' | 'bus'>): Reading {
  const spec = kindSpec(kind)
  if (!spec || !isReadingKind(kind))
    throw new Unusable('UNKNOWN_KIND', `there is no kind of reading ${JSON.stringify(kind.slice(0, 64))}`)
  const number = typeof value === 'boolean' && spec.boolean ? Number(value) : value
  if (typeof number !== 'number')
    throw new Unusable(
      'WRONG_TYPE',
      `the value of ${kind} is ${typeName(value)}, not a number${spec.boolean ? ' or boolean' : ''}`,
    )
  const problem = valueProblem(kind, number)
  if (problem) throw new Unusable(problem.code, problem.reason)
  return { ...common, bus: 'mqtt', kind, value: number, unit: spec.unit }
}

function deviceIdOf(payload: Json, captured: Captured): string {
  const told = Object.hasOwn(payload, 'deviceId') ? id(payload['deviceId'], 'deviceId') : undefined
  const expected = captured.deviceId
  if (expected === undefined) return told ?? id(field(payload, 'deviceId'), 'deviceId')
  if (told !== undefined && told !== expected)
    throw new Unusable('DEVICE_MISMATCH', `the payload is from device ${told}, its topic from ${expected}`)
  return id(expected, 'deviceId')
}

/** Without a timestamp the receive time counts; for a retained message that is a guess. */
function timeOf(payload: Json, base: Base): Pick<Reading, 'eventTimeMs' | 'quality'> {
  const quality = base.retained ? 'uncertain' : 'good'
  const timestamp = Object.hasOwn(payload, 'timestamp') ? payload['timestamp'] : null
  if (timestamp === null) return { eventTimeMs: base.receivedAtMs, quality }
  const eventTimeMs = typeof timestamp === 'string' ? Date.parse(timestamp) : timestamp
  if (typeof eventTimeMs !== 'number')
    throw new Unusable('WRONG_TYPE', `timestamp is ${typeName(timestamp)}, not milliseconds or ISO 8601`)
  if (!Number.isFinite(eventTimeMs)) throw new Unusable('BAD_TIMESTAMP', 'timestamp is not a time')
  return { eventTimeMs: Math.round(eventTimeMs), quality }
}

function sequenceOf(payload: Json): number | null {
  const sequence = Object.hasOwn(payload, 'sequence') ? payload['sequence'] : null
  if (sequence === null || Number.isSafeInteger(sequence)) return sequence as number | null
  throw new Unusable('WRONG_TYPE', 'sequence is not an integer')
}

function batteryOf(payload: Json): unknown {
  const metadata = Object.hasOwn(payload, 'metadata') ? payload['metadata'] : undefined
  if (typeof metadata !== 'object' || metadata === null || !Object.hasOwn(metadata, 'battery_level')) return undefined
  return (metadata as Json)['battery_level'] ?? undefined
}

function field(from: Json, name: string): unknown {
  if (!Object.hasOwn(from, name)) throw new Unusable('MISSING_FIELD', `the field ${name} is missing`)
  return from[name]
}

function object(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Unusable('WRONG_TYPE', `${what} is ${typeName(value)}, not an object`)
  return value as Json
}

function id(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new Unusable('WRONG_TYPE', `${what} is ${typeName(value)}, not a text`)
  if (value === '' || value.length > MAX_ID_LENGTH || /\p{Cc}|\p{Cs}/u.test(value))
    throw new Unusable('BAD_ID', `${what} must be 1 to ${MAX_ID_LENGTH} characters without control characters`)
  return value
}

function typeName(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}
