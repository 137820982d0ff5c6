import type { Command, CommandResult, Device, RuleEvaluation } from '../../schemas/types.ts'
import { type Json, toJson } from '../json.ts'
import { isoTime } from '../times.ts'
import { causeView, occupancyView, roomAverageView } from '../views.ts'
import type { AvailabilityReport, LiveEvent, RoomLabel } from './live-events.ts'

interface KnownValue {
  readonly kind: string
  readonly value: number
  readonly unit: string
  readonly quality: string
  readonly timeMs: number
}

interface KnownDevice {
  readonly deviceId: string
  record?: Device
  availability?: AvailabilityReport
  readonly values: Map<string, KnownValue>
}

/** A room as people see it, made from the remembered events of the room. */
export function roomView(roomId: string, events: readonly LiveEvent[], nowMs: number): Json {
  const devices = new Map<string, KnownDevice>()
  const commands = new Map<string, { readonly command: Command; result?: CommandResult }>()
  const evaluations: RuleEvaluation[] = []
  let label: RoomLabel | undefined
  let averages: Json = null
  let occupancy: Json = null
  const device = (deviceId: string): KnownDevice => {
    const known = devices.get(deviceId) ?? { deviceId, values: new Map() }
    devices.set(deviceId, known)
    return known
  }
  for (const event of events) {
    switch (event.type) {
      case 'room':
        label = event.data ?? undefined
        break
      case 'device':
        if (event.data !== null) device(event.data.deviceId).record = event.data
        break
      case 'reading': {
        const { deviceId, eventTimeMs, ...reading } = event.data
        learn(device(deviceId), { ...reading, timeMs: eventTimeMs })
        break
      }
      case 'device-state':
        for (const value of event.data?.values ?? []) learn(device(event.key), value)
        break
      case 'availability':
        if (event.data !== null) device(event.key).availability = event.data
        break
      case 'room-average': {
        const { windowStartMs: startMs, windowEndMs: endMs } = event.data
        const window = { start: isoTime(startMs), end: isoTime(endMs), startMs, endMs }
        averages = { ...window, value: roomAverageView(event.data) }
        break
      }
      case 'occupancy':
        occupancy = occupancyView(event.data)
        break
      case 'command':
        commands.set(event.data.commandId, { command: event.data })
        break
      case 'command-result': {
        const known = commands.get(event.data.commandId)
        if (known !== undefined) known.result = event.data
        break
      }
      case 'evaluation':
        evaluations.push(event.data)
    }
  }
  const shown = [...devices.values()].sort((a, b) => (a.deviceId < b.deviceId ? -1 : 1))
  return {
    roomId,
    name: label?.name ?? roomId,
    floor: label?.floor ?? shown.find((d) => d.record !== undefined)?.record?.floor ?? null,
    averages,
    occupancy,
    devices: shown.map((known) => deviceView(known, nowMs)),
    evaluations: evaluations.reverse().map(evaluationView),
    commands: [...commands.values()].reverse().map(({ command, result }) => commandView(command, result)),
  }
}

/** Readings may come out of order: the newest by event time counts. */
function learn(device: KnownDevice, { kind, value, unit, quality, timeMs }: KnownValue): void {
  const known = device.values.get(kind)
  if (known === undefined || known.timeMs <= timeMs) device.values.set(kind, { kind, value, unit, quality, timeMs })
}

function deviceView({ deviceId, record, values, availability }: KnownDevice, nowMs: number): Json {
  return {
    deviceId,
    name: record?.name ?? deviceId,
    type: record?.type ?? 'unknown',
    bus: record?.bus ?? 'unknown',
    kinds: [...(record?.kinds ?? values.keys())],
    ...availabilityView(availability),
    values: [...values.values()].map((value) => ({
      ...value,
      time: isoTime(value.timeMs),
      ageMs: Math.max(0, nowMs - value.timeMs),
    })),
  }
}

/** A device of which nothing was said has not been missed. */
function availabilityView(report: AvailabilityReport | undefined): Record<string, Json> {
  if (report === undefined || report.isAvailable) return { available: true }
  const { sinceMs, lastSeenMs, expectedIntervalMs } = report
  const lastSeen = lastSeenMs === null ? null : isoTime(lastSeenMs)
  return {
    available: false,
    unavailableSince: isoTime(sinceMs),
    unavailableSinceMs: sinceMs,
    lastSeen,
    lastSeenMs,
    expectedIntervalMs,
  }
}

function evaluationView({ atMs, causes, ...evaluation }: RuleEvaluation): Json {
  return { ...(toJson(evaluation) as object), causes: causes.map(causeView), at: isoTime(atMs), atMs }
}

function commandView(
  { causes, issuedAtMs, expiresAtMs, ...command }: Command,
  result: CommandResult | undefined,
): Json {
  return {
    ...(toJson(command) as object),
    causes: causes.map(causeView),
    issuedAt: isoTime(issuedAtMs),
    issuedAtMs,
    expiresAt: isoTime(expiresAtMs),
    expiresAtMs,
    status: result?.status ?? 'accepted',
    detail: result?.detail ?? null,
    statusAtMs: result?.atMs ?? null,
  }
}
