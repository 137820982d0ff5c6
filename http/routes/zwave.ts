import type { Json } from '../json.ts'
import { toJson } from '../json.ts'
import { HttpProblem } from '../problem.ts'
import { z } from '../zod.ts'
import type { RouteContext, ZwaveControl } from './context.ts'
import { type Route, route } from './route.ts'

const TAG = 'zwave'
const MAX_TIMEOUT_MS = 600_000
const MAX_NODE_ID = 232

const InclusionDocument = z
  .looseObject({
    state: z
      .enum(['idle', 'including', 'excluding', 'node-found', 'interviewing', 'done', 'failed', 'timed-out', 'stopped'])
      .meta({ description: 'of the inclusion or exclusion under way, or how the last one ended' }),
    kind: z.enum(['inclusion', 'exclusion']).optional(),
    sinceMs: z.number(),
    endsAtMs: z.number().optional().meta({ description: 'when the step under way is given up' }),
    nodeId: z.number().optional().meta({ description: 'the node that has joined or left' }),
    detail: z.string().optional(),
  })
  .meta({ id: 'ZwaveInclusion' })

const NodeDocument = z
  .looseObject({
    nodeId: z.number(),
    deviceId: z.string().optional().meta({ description: 'absent: no device of the building has this node' }),
    name: z.string().optional(),
    roomId: z.string().optional(),
    label: z.string().optional().meta({ description: 'maker and product' }),
    state: z.enum(['alive', 'asleep', 'awake', 'dead', 'unavailable', 'unknown']),
    ready: z.boolean().meta({ description: 'whether it is known what the node can do' }),
    batteryPercent: z.number().optional(),
    wakeUpIntervalMs: z.number().optional(),
    kinds: z.array(z.string()).meta({ description: 'what the node has told so far' }),
    values: z.number(),
    lastSeenMs: z.number().optional(),
  })
  .meta({ id: 'ZwaveNode' })

const NetworkDocument = z
  .looseObject({
    state: z.string(),
    driver: z.string().optional(),
    nodes: z.array(NodeDocument),
    missingDevices: z.array(z.string()).meta({ description: 'devices whose node is not in the network' }),
    inclusion: InclusionDocument,
  })
  .meta({ id: 'ZwaveNetwork' })

const BeginBody = z.object({
  timeoutMs: z
    .number()
    .int()
    .min(1_000)
    .max(MAX_TIMEOUT_MS)
    .default(60_000)
    .meta({ description: 'how long the stick waits for somebody to press the button of a device' }),
})

const id = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[\w.:-]+$/, 'must be letters, digits, and . : _ -')

const NameBody = z.object({
  name: z.string().trim().min(1).max(100),
  roomId: id,
  floor: z.string().trim().min(1).max(100).optional(),
  deviceId: id.optional().meta({ description: 'of a device that takes this node over; otherwise one is made' }),
})

const NamedDocument = z.object({ deviceId: z.string(), nodeId: z.number(), name: z.string(), roomId: z.string() })

/** Nodes of the Z-Wave network, and devices that join and leave it. The process that has the stick answers. */
export function zwaveRoutes({ zwave }: RouteContext): readonly Route[] {
  const control = (): ZwaveControl => {
    const found = zwave()
    if (found !== undefined) return found
    throw new HttpProblem('NOT_SUPPORTED', 'this process has no Z-Wave stick: ask the one that has the connector')
  }
  const inclusion = (what: 'include' | 'exclude', path: string, summary: string): Route =>
    route({
      method: 'post',
      path,
      tag: TAG,
      summary,
      body: BeginBody,
      answers: {
        202: { description: 'the stick waits; GET /v1/zwave tells how it goes on', schema: InclusionDocument },
      },
      problems: ['BAD_REQUEST', 'BODY_TOO_LARGE', 'MEDIA_TYPE', 'NOT_SUPPORTED', 'BUSY', 'BUS_UNAVAILABLE', 'TIMEOUT'],
      handle: async ({ body: { timeoutMs } }) => ({ status: 202, json: toJson(await control()[what](timeoutMs)) }),
    })
  return [
    route({
      method: 'get',
      path: '/v1/zwave',
      tag: TAG,
      summary: 'The Z-Wave network: its nodes with device, room, battery and state, and the inclusion under way',
      answers: { 200: { description: 'the network', schema: NetworkDocument } },
      problems: ['NOT_SUPPORTED'],
      handle: async () => ({ json: toJson(control().status()) }),
    }),
    inclusion('include', '/v1/zwave/inclusion', 'Takes in the next device whose button is pressed, one at a time'),
    inclusion('exclude', '/v1/zwave/exclusion', 'Lets the next device go whose button is pressed, one at a time'),
    route({
      method: 'post',
      path: '/v1/zwave/stop',
      tag: TAG,
      summary: 'Ends the inclusion or exclusion under way',
      answers: { 200: { description: 'how it ended, or how the last one did', schema: InclusionDocument } },
      problems: ['NOT_SUPPORTED', 'BUS_UNAVAILABLE', 'TIMEOUT'],
      handle: async () => ({ json: toJson(await control().stop()) }),
    }),
    route({
      method: 'post',
      path: '/v1/zwave/nodes/{node}',
      tag: TAG,
      summary: 'Makes a node known as a device of the building, with a name and a room',
      params: z.object({ node: z.coerce.number().int().min(2).max(MAX_NODE_ID) }),
      body: NameBody,
      answers: { 200: { description: 'the device', schema: NamedDocument } },
      problems: ['BAD_REQUEST', 'NODE_UNKNOWN', 'BODY_TOO_LARGE', 'MEDIA_TYPE', 'NOT_SUPPORTED', 'TIMEOUT'],
      handle: async ({ params: { node }, body: { name, roomId, floor, deviceId } }) => {
        const wish = {
          name,
          roomId,
          ...(floor === undefined ? {} : { floor }),
          ...(deviceId === undefined ? {} : { deviceId }),
        }
        const device: Json = toJson(await control().name(node, wish))
        return { json: device }
      },
    }),
  ]
}
