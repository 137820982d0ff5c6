/**
 * MQTT sensors as a process of its own: `mqtt-load.ts '<LoadOptions as JSON>'`. One connection publishes readings at QoS 1, with so many
 * unacknowledged at a time; ends when the broker has acknowledged all. Frames are written by hand, so that it takes little of the
 * cores that it shares.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface LoadOptions {
  readonly port: number
  readonly messages: number
  readonly devices: number
  /** What their ids begin with (default `d`). */
  readonly prefix?: string
  /** Unacknowledged messages at a time. */
  readonly window: number
  /** At most so many a second (default: as fast as the broker takes them). */
  readonly perSecond?: number
  /** Every second message is cut off in the middle. */
  readonly broken?: boolean
}

const PUBACK_BYTES = 4
const MAX_MESSAGE_ID = 65_535
const CONNECT = Buffer.from('\x10\x16\0\x04MQTT\x04\x02\0\0\0\x0abench-load', 'latin1')

/** `building/r<n>/<prefix><n>/luminance`, with time and sequence number. */
function publishFrame(messageId: number, sequence: number, { devices, prefix = 'd', broken }: LoadOptions): Buffer {
  const device = sequence % devices
  const topic = Buffer.from(`building/r${device % 50}/${prefix}${device}/luminance`)
  const text = `{"value":${sequence % 1000},"timestamp":${Date.now()},"sequence":${sequence}}`
  const payload = Buffer.from(broken && sequence % 2 === 1 ? text.slice(0, 20) : text)
  const length = 2 + topic.length + 2 + payload.length
  const head = length < 128 ? [0x32, length] : [0x32, (length & 0x7f) | 0x80, length >> 7]
  return Buffer.concat([Buffer.from([...head, 0, topic.length]), topic, uint16(messageId), payload])
}

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 0xff])
}

/** The bytes that come after the CONNACK, all of them PUBACKs. */
async function connected(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' }).setNoDelay()
  socket.write(CONNECT)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (answer.toString('hex') !== '20020000') throw new Error(`the broker refused the load: ${answer.toString('hex')}`)
  return socket
}

async function pace(publish: () => void, goesOn: () => boolean): Promise<void> {
  while (goesOn()) {
    await sleep(2)
    publish()
  }
}

async function main(options: LoadOptions): Promise<void> {
  const { port, messages, window, perSecond = Number.POSITIVE_INFINITY } = options
  const socket = await connected(port)
  const startedMs = performance.now()
  let sent = 0
  let acknowledgedBytes = 0
  const publish = (): void => {
    const frames: Buffer[] = []
    const due = (perSecond * (1 + performance.now() - startedMs)) / 1_000
    const until = Math.min(messages, acknowledgedBytes / PUBACK_BYTES + window, due)
    while (sent < until) frames.push(publishFrame((sent % MAX_MESSAGE_ID) + 1, sent++, options))
    if (frames.length > 0) socket.write(Buffer.concat(frames))
  }
  publish()
  const pacing = perSecond < Number.POSITIVE_INFINITY && pace(publish, () => sent < messages)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    acknowledgedBytes += chunk.length
    if (acknowledgedBytes >= messages * PUBACK_BYTES) break
    publish()
  }
  await pacing
  if (acknowledgedBytes < messages * PUBACK_BYTES) throw new Error('the broker ended the connection of the load')
}

await main(JSON.parse(process.argv[2] ?? '{}') as LoadOptions)
