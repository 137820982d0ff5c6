import { commandKindSymbols } from '../schemas/types.ts'
import { isoTime, parseTime } from './times.ts'
import { z } from './zod.ts'

/** Bounds of what one request may ask for. */
export const MAX_LIMIT = 1_000
export const DEFAULT_LIMIT = 100

export const time = z
  .string()
  .meta({ description: 'milliseconds since the epoch, or ISO 8601 (UTC unless an offset is given)' })
  .transform((text, context) => {
    const ms = parseTime(text)
    if (ms !== undefined) return ms
    context.issues.push({ code: 'custom', message: 'must be epoch milliseconds or ISO 8601', input: text })
    return z.NEVER
  })

export const limit = z.coerce
  .number()
  .int(`must be a whole number from 1 to ${MAX_LIMIT}`)
  .min(1, `must be from 1 to ${MAX_LIMIT}`)
  .max(MAX_LIMIT, `must be from 1 to ${MAX_LIMIT}`)
  .default(DEFAULT_LIMIT)

export const flag = z.enum(['true', 'false']).default('false')
const name = z.string().min(1).max(249)
export const storeParams = z.object({ store: name })
export const keyParams = z.object({ store: name, key: z.string().max(8_192) })

const isoText = z.string().meta({ format: 'date-time', example: isoTime(1_767_225_600_000) })
const epochMs = z.number().int()
const anyJson = z.unknown().meta({ description: 'JSON; 64-bit integers are strings, bytes are base64' })

const Statistic = z
  .object({ count: z.number().int(), mean: z.number(), min: z.number(), max: z.number() })
  .meta({ id: 'Statistic' })

export const ProblemDocument = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    instance: z.string(),
    code: z.string().meta({ description: 'stable; one of the codes listed with the operation' }),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    progress: z
      .object({ restored: z.number().int(), total: z.number().int() })
      .optional()
      .meta({ description: 'of a restore, in changelog offsets' }),
  })
  .meta({ id: 'Problem', description: 'RFC 9457' })

export const StoreDocument = z
  .object({
    name,
    type: z.enum(['key-value', 'window', 'session', 'versioned', 'record-buffer', 'change-buffer']),
    persistent: z.boolean(),
    global: z.boolean(),
    keySerde: z.string(),
    valueSerde: z.string(),
    windowSizeMs: epochMs.optional(),
    retentionMs: epochMs.optional(),
    historyRetentionMs: epochMs.optional().meta({ description: 'of a versioned store' }),
    partitions: z.number().int(),
    tasks: z.array(z.string()).meta({ description: 'tasks of this instance that hold a part of it' }),
  })
  .meta({ id: 'Store' })

export const EntryDocument = z
  .object({ key: anyJson, value: anyJson, timestamp: isoText, timestampMs: epochMs })
  .meta({ id: 'Entry' })

export const KeyDocument = z
  .object({
    store: name,
    key: anyJson,
    value: anyJson,
    timestamp: isoText,
    timestampMs: epochMs,
    validTo: isoText.nullable().optional().meta({ description: 'of a versioned store; null: it is the newest' }),
    validToMs: epochMs.nullable().optional(),
  })
  .meta({ id: 'KeyAnswer' })

export const FailureDocument = z
  .object({ host: z.string(), reason: z.string(), partitions: z.array(z.number().int()) })
  .meta({ id: 'Failure' })

const partitionNumbers = z.array(z.number().int())
const gathered = {
  complete: z.boolean().meta({ description: 'false when a part is missing; then missing says which and failures why' }),
  missing: partitionNumbers.meta({ description: 'partitions of the store that are not in the answer' }),
  failures: z.array(FailureDocument),
}

export const RangeDocument = z
  .object({ store: name, entries: z.array(EntryDocument), cursor: z.string().optional(), ...gathered })
  .meta({
    id: 'RangeAnswer',
    description: 'Entries in the order of their key bytes; give `cursor` back for the next page',
  })

export const CountDocument = z
  .object({ store: name, count: z.number().int(), approximate: z.literal(true), ...gathered })
  .meta({ id: 'CountAnswer' })

export const WindowsDocument = z
  .object({
    store: name,
    key: anyJson,
    windows: z.array(
      z.object({
        start: isoText,
        end: isoText.nullable(),
        startMs: epochMs,
        endMs: epochMs.nullable(),
        value: anyJson.meta({
          description:
            'for room-averages: temperature (celsius), humidity (percent) and luminance (lux), each a Statistic or null',
        }),
      }),
    ),
    more: z.boolean().meta({ description: 'there are windows past the limit' }),
  })
  .meta({ id: 'WindowsAnswer' })

const more = z.boolean().meta({ description: 'there are more past the limit' })
const sessionTimes = { start: isoText, end: isoText, startMs: epochMs, endMs: epochMs }
const windowTimes = { start: isoText, end: isoText.nullable(), startMs: epochMs, endMs: epochMs.nullable() }

export const SessionsDocument = z
  .object({ store: name, key: anyJson, sessions: z.array(z.object({ ...sessionTimes, value: anyJson })), more })
  .meta({ id: 'SessionsAnswer', description: 'start and end are the times of the first and the last record' })

export const VersionsDocument = z
  .object({
    store: name,
    key: anyJson,
    versions: z.array(
      z.object({
        value: anyJson,
        timestamp: isoText,
        timestampMs: epochMs,
        validTo: isoText.nullable(),
        validToMs: epochMs.nullable(),
      }),
    ),
    more,
  })
  .meta({ id: 'VersionsAnswer' })

const timed = { key: anyJson, value: anyJson, timestamp: isoText, timestampMs: epochMs }
const paged = { cursor: z.string().optional(), ...gathered }

export const WindowRangeDocument = z
  .object({ store: name, windows: z.array(z.object({ ...timed, ...windowTimes })), ...paged })
  .meta({ id: 'WindowRangeAnswer', description: 'in the order of starts, then of key bytes' })

export const SessionRangeDocument = z
  .object({ store: name, sessions: z.array(z.object({ ...timed, ...sessionTimes })), ...paged })
  .meta({ id: 'SessionRangeAnswer', description: 'in the order of ends, then starts, then key bytes' })

export const LagsDocument = z
  .object({
    lags: z.array(
      z.object({
        store: name,
        partition: z.number().int(),
        currentOffset: z.number().int(),
        endOffset: z.number().int(),
        lag: z.number().int(),
      }),
    ),
  })
  .meta({ id: 'Lags' })

export const RoomAverageDocument = z
  .object({ temperature: Statistic.nullable(), humidity: Statistic.nullable(), luminance: Statistic.nullable() })
  .meta({ id: 'RoomAverage' })

export const InstanceDocument = z
  .object({
    endpoint: z.string().nullable(),
    local: z.boolean(),
    tasks: z.array(z.string()),
    stores: z.array(z.string()),
    standbyTasks: z.array(z.string()),
  })
  .meta({ id: 'Instance' })

export const OwnerDocument = z
  .object({
    store: name,
    key: anyJson,
    endpoint: z.string().nullable(),
    host: z.string().nullable(),
    port: z.number().int().nullable(),
    local: z.boolean(),
    active: z.string().meta({ description: 'the task that holds the key' }),
    standbys: z.array(z.string()),
    partition: z.number().int(),
  })
  .meta({ id: 'Owner' })

const RestoreDocument = z.object({
  store: z.string(),
  startingOffset: z.number().int(),
  restoredOffset: z.number().int(),
  endOffset: z.number().int(),
})

export const TaskDocument = z
  .object({
    taskId: z.string(),
    state: z.string(),
    inputs: z.array(z.string()),
    stores: z.array(z.string()),
    buffered: z.number().int(),
    offsets: z
      .array(
        z.object({
          topic: z.string(),
          partition: z.number().int(),
          committedOffset: z.number().int(),
          processedOffset: z.number().int(),
          endOffset: z.number().int().optional(),
          lag: z.number().int().optional(),
        }),
      )
      .meta({ description: 'once the task runs: where its inputs stand, and how far they are behind' }),
    restores: z
      .array(RestoreDocument)
      .meta({ description: 'while the task is restored: its stores, in offsets of their changelogs' }),
  })
  .meta({ id: 'Task' })

export const StandbyTaskDocument = z
  .object({
    taskId: z.string(),
    stores: z.array(z.string()),
    lag: z.number().int().optional().meta({ description: 'changelog records; absent while that is not known' }),
  })
  .meta({ id: 'StandbyTask' })

export const CommandBody = z
  .object({
    deviceId: z.string().min(1).max(249),
    kind: z.enum(commandKindSymbols).exclude(['unknown']),
    value: z.number().min(0).max(100),
  })
  .meta({ id: 'CommandRequest', description: 'value: 0 or 1 for a switch, otherwise percent; blinds are 100 open' })
  .refine(({ kind, value }) => kind !== 'switch' || value === 0 || value === 1, {
    path: ['value'],
    message: 'must be 0 or 1 for a switch',
  })

export const CommandDocument = z
  .object({
    commandId: z.string(),
    deviceId: z.string(),
    roomId: z.string(),
    status: z.literal('accepted'),
    position: z.string().meta({
      description:
        'where the log has the command, as topic:partition:offset: minOffset of a query that is to know of it',
    }),
  })
  .meta({ id: 'CommandAccepted' })
