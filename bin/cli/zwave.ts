import { setTimeout as sleep } from 'node:timers/promises'
import { type Duration, durationMs } from '../../common/duration.ts'
import { z } from '../../http/zod.ts'
import { askBuilding } from './building-http.ts'
import type { Command, CommandContext } from './command.ts'
import { UsageError } from './errors.ts'

const LOOK_MS = 300
const OVER: ReadonlySet<string> = new Set(['idle', 'done', 'failed', 'timed-out', 'stopped'])

const Inclusion = z.looseObject({
  state: z.string(),
  nodeId: z.number().optional(),
  endsAtMs: z.number().optional(),
  detail: z.string().optional(),
})

const Network = z.looseObject({
  state: z.string(),
  driver: z.string().optional(),
  nodes: z.array(
    z.looseObject({
      nodeId: z.number(),
      deviceId: z.string().optional(),
      name: z.string().optional(),
      roomId: z.string().optional(),
      label: z.string().optional(),
      state: z.string(),
      ready: z.boolean(),
      batteryPercent: z.number().optional(),
      lastSeenMs: z.number().optional(),
    }),
  ),
  missingDevices: z.array(z.string()),
  inclusion: Inclusion,
})

const WHO = `The process that has the stick is asked (--http-host, --http-port, with the token of BROOK_HTTP_TOKEN): the building, or where
the connector is a process of its own, that one.`

export const zwaveNodesCommand: Command = {
  name: 'zwave nodes',
  summary: 'the nodes of the Z-Wave network: device, room, battery, awake, asleep or dead',
  details: `A node without a device is shown too: brook zwave name makes it one. unavailable is a node that has said nothing for too long.
${WHO}`,
  options: {},
  async run(context) {
    const network = await askBuilding(context, '/v1/zwave', Network)
    const { output } = context
    output.json(network)
    output.line(`Z-Wave is ${network.state}${network.driver === undefined ? '' : `, driven by ${network.driver}`}`)
    output.line()
    output.table(
      [
        { title: 'NODE', align: 'right' },
        'STATE',
        { title: 'BATTERY', align: 'right' },
        'DEVICE',
        'NAME',
        'ROOM',
        'PRODUCT',
        'LAST SEEN',
      ],
      network.nodes.map((node) => [
        node.nodeId,
        node.ready || node.state === 'dead' ? node.state : `${node.state}, not asked yet`,
        node.batteryPercent === undefined ? undefined : `${node.batteryPercent} %`,
        node.deviceId,
        node.name,
        node.roomId,
        node.label,
        node.lastSeenMs === undefined ? undefined : new Date(node.lastSeenMs).toISOString(),
      ]),
    )
    if (network.missingDevices.length > 0)
      output.note(`devices whose node is not in the network: ${network.missingDevices.join(', ')}`)
    return 0
  },
}

const TIMEOUT_OPTION = {
  timeout: { type: 'string', value: 'duration', doc: 'how long to wait for the button of a device (default 60s)' },
} as const

export const zwaveIncludeCommand: Command = {
  name: 'zwave include',
  summary: 'takes a new Z-Wave device into the network: press its button',
  details: `Waits until the device has joined and has been asked what it can do; then brook zwave name makes it known. Devices join without S0
and S2 security. One inclusion or exclusion at a time; it ends by itself after --timeout. ${WHO}`,
  options: TIMEOUT_OPTION,
  run: (context) => follow(context, '/v1/zwave/inclusion'),
}

export const zwaveExcludeCommand: Command = {
  name: 'zwave exclude',
  summary: 'lets a Z-Wave device leave the network: press its button',
  details: `The device of the building stays known, without a node; a node that is included later can take it over (brook zwave name
--device). ${WHO}`,
  options: TIMEOUT_OPTION,
  run: (context) => follow(context, '/v1/zwave/exclusion'),
}

export const zwaveStopCommand: Command = {
  name: 'zwave stop',
  summary: 'ends the inclusion or exclusion under way',
  details: WHO,
  options: {},
  async run(context) {
    const inclusion = await askBuilding(context, '/v1/zwave/stop', Inclusion, {})
    context.output.json(inclusion)
    context.output.line(inclusion.state)
    return 0
  },
}

export const zwaveNameCommand: Command = {
  name: 'zwave name',
  summary: 'makes a Z-Wave node known as a device of the building, with a name and a room',
  details: `What it measures is taken from what the node has told; its last values are published at once. ${WHO}`,
  options: {
    node: { type: 'string', value: 'node id', doc: 'the node, as brook zwave nodes shows it' },
    name: { type: 'string', value: 'text', doc: 'what people call the device' },
    room: { type: 'string', value: 'room id', doc: 'the room it is in' },
    device: { type: 'string', value: 'device id', doc: 'a device that takes the node over (default: zwave-<node id>)' },
  },
  async run(context) {
    const { node, name, room, device } = context.options
    if (typeof name !== 'string' || typeof room !== 'string' || !/^\d+$/.test(String(node)))
      throw new UsageError('--node, --name and --room are needed')
    const wish = { name, roomId: room, ...(device === undefined ? {} : { deviceId: device }) }
    const Named = z.object({ deviceId: z.string(), nodeId: z.number(), name: z.string(), roomId: z.string() })
    const named = await askBuilding(context, `/v1/zwave/nodes/${node}`, Named, wish)
    context.output.json(named)
    context.output.line(`node ${named.nodeId} is ${named.deviceId}, ${named.name} in ${named.roomId}`)
    return 0
  },
}

async function follow(context: CommandContext, path: string): Promise<number> {
  const { options, output } = context
  const timeoutMs =
    typeof options['timeout'] === 'string' ? durationMs(options['timeout'] as Duration, '--timeout') : 60_000
  let inclusion = await askBuilding(context, path, Inclusion, { timeoutMs })
  for (let told = ''; ; ) {
    if (inclusion.state !== told) output.note(sentence(inclusion))
    told = inclusion.state
    if (OVER.has(told)) break
    await sleep(LOOK_MS)
    inclusion = (await askBuilding(context, '/v1/zwave', Network)).inclusion
  }
  output.json(inclusion)
  return inclusion.state === 'done' ? 0 : 1
}

function sentence({ state, nodeId, endsAtMs, detail }: z.output<typeof Inclusion>): string {
  const leftS = endsAtMs === undefined ? 0 : Math.max(0, Math.round((endsAtMs - Date.now()) / 1000))
  const node = nodeId === undefined ? '' : ` node ${nodeId}`
  const why = detail === undefined ? '' : `: ${detail}`
  const waits = state === 'including' || state === 'excluding'
  return `${state}${node}${why}${waits ? `: press the button of the device (${leftS} s)` : ''}`
}
