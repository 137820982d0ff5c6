import { CommandBody, CommandDocument } from '../api-schemas.ts'
import { type Json, toJson } from '../json.ts'
import { LIVE_TYPES, type LiveEvent, type LiveType } from '../live/live-events.ts'
import type { LiveFilter, LiveHub } from '../live/live-hub.ts'
import { roomView } from '../live/rooms.ts'
import { HttpProblem } from '../problem.ts'
import { POSITION_HEADER } from '../query/freshness.ts'
import { z } from '../zod.ts'
import type { RouteContext } from './context.ts'
import { type Route, route } from './route.ts'

const TAG = 'building'

const wantedTypes = z
  .string()
  .transform((text) => text.split(',').map((type) => type.trim()))
  .pipe(z.array(z.enum(LIVE_TYPES as [LiveType, ...LiveType[]])))
const wantedRooms = z
  .string()
  .max(8_192)
  .transform((text) => text.split(',').filter((room) => room !== ''))

const RoomDocument = z
  .looseObject({
    roomId: z.string(),
    name: z.string(),
    floor: z.string().nullable(),
    averages: z.unknown().meta({ description: 'of the newest window: start, end, startMs, endMs, value' }),
    occupancy: z.unknown(),
    devices: z.array(z.unknown()),
    evaluations: z.array(z.unknown()).meta({ description: 'newest first' }),
    commands: z.array(z.unknown()).meta({ description: 'newest first' }),
  })
  .meta({ id: 'Room' })

export function buildingRoutes({ live, clock, sendCommand }: RouteContext): readonly Route[] {
  return [
    route({
      method: 'get',
      path: '/v1/rooms',
      tag: TAG,
      summary: 'Every room as the page shows it',
      answers: { 200: { description: 'the rooms', schema: z.object({ rooms: z.array(RoomDocument) }) } },
      problems: [],
      handle: async () => {
        const nowMs = clock.nowMs()
        const rooms = [...live.roomIds].sort().map((roomId) => roomView(roomId, live.eventsOf(roomId), nowMs))
        return { json: { rooms } }
      },
    }),
    route({
      method: 'get',
      path: '/v1/rooms/{room}',
      tag: TAG,
      summary: 'One room: averages of the newest window, occupancy, devices, last evaluations and commands',
      params: z.object({ room: z.string().max(249) }),
      answers: { 200: { description: 'the room', schema: RoomDocument } },
      problems: ['ROOM_UNKNOWN'],
      handle: async ({ params: { room } }) => {
        const events = live.eventsOf(room)
        if (events.length === 0) throw new HttpProblem('ROOM_UNKNOWN', 'nothing has been heard of such a room')
        return { json: roomView(room, events, clock.nowMs()) }
      },
    }),
    route({
      method: 'get',
      path: '/v1/connectors',
      tag: 'operations',
      summary: 'What the connectors tell about themselves',
      answers: { 200: { description: 'the connectors', schema: z.object({ connectors: z.array(z.unknown()) }) } },
      problems: [],
      handle: async () => ({ json: { connectors: connectors(live.commonEvents()) } }),
    }),
    route({
      method: 'get',
      path: '/v1/live',
      tag: TAG,
      summary:
        'Server-sent events: what is known (between snapshot and ready), then each change; Last-Event-ID goes on where it stopped',
      query: z.object({
        types: wantedTypes.optional().meta({ description: 'types of events, with commas between' }),
        rooms: wantedRooms.optional().meta({ description: 'ids of rooms, with commas between' }),
      }),
      answers: {
        200: {
          description: `events ${LIVE_TYPES.join(', ')}; each has {key, data}`,
          schema: z.string(),
          contentType: 'text/event-stream',
        },
      },
      problems: ['BAD_REQUEST', 'CLIENTS'],
      handle: async ({ query: { types, rooms }, lastEventId }) => {
        live.checkRoom()
        const filter: LiveFilter = {
          ...(types === undefined ? {} : { types: new Set(types) }),
          ...(rooms === undefined ? {} : { rooms: new Set(rooms) }),
        }
        return { stream: (_, response) => live.listen(response, filter, lastEventId) }
      },
    }),
    route({
      method: 'post',
      path: '/v1/commands',
      tag: TAG,
      summary: 'Sets a device by hand; the rules leave it alone for a while',
      body: CommandBody,
      answers: {
        202: {
          description: 'the log has the command; the live feed tells what becomes of it',
          schema: CommandDocument,
        },
      },
      problems: [
        'BAD_REQUEST',
        'BAD_COMMAND',
        'DEVICE_UNKNOWN',
        'BODY_TOO_LARGE',
        'MEDIA_TYPE',
        'NOT_SUPPORTED',
        'NOT_RUNNING',
        'TIMEOUT',
      ],
      handle: async ({ body: { deviceId, kind, value } }) => {
        if (sendCommand === undefined) throw new HttpProblem('NOT_SUPPORTED', 'this instance takes no commands')
        const roomId = roomToCommand(live, deviceId, kind)
        const { commandId, position } = await sendCommand({ deviceId, roomId, kind, value, issuer: 'user:local' })
        return {
          status: 202,
          headers: { [POSITION_HEADER]: position },
          json: { commandId, deviceId, roomId, status: 'accepted', position },
        }
      },
    }),
  ]
}

function connectors(events: readonly LiveEvent[]): Json {
  return events.flatMap((event) => (event.type === 'connector' ? [toJson(event.data)] : []))
}

/** @throws {HttpProblem} when there is no such device or it cannot be set so. */
function roomToCommand(live: LiveHub, deviceId: string, kind: string): string {
  const roomId = live.roomOfDevice(deviceId)
  const device = (roomId === undefined ? [] : live.eventsOf(roomId))
    .map((event) => (event.type === 'device' && event.data?.deviceId === deviceId ? event.data : null))
    .find((data) => data !== null)
  if (roomId === undefined || !device) throw new HttpProblem('DEVICE_UNKNOWN', 'there is no such device')
  if (!device.kinds.some((known) => known === kind))
    throw new HttpProblem('BAD_COMMAND', `${device.name} has no ${kind}; it has ${device.kinds.join(', ')}`)
  return roomId
}
