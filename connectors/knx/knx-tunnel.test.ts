import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type CemiFrame, encodeCemi, type GroupTelegram } from './cemi.ts'
import { dptOf } from './dpt.ts'
import { KnxTunnel, type KnxTunnelOptions } from './knx-tunnel.ts'
import { decodeFrame, encodeFrame, type KnxIpFrame } from './knxnetip-frames.ts'

const CHANNEL = 9
const ADDRESS = 0x0801
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** A gateway that does what the test says, datagram by datagram. */
class ScriptedGateway {
  readonly seen: KnxIpFrame[] = []
  readonly #socket: Socket
  #client: RemoteInfo | undefined
  connectStatus = 0
  /** Calls that are not heard. */
  deafTo = 0
  acknowledges: false | number = 0
  confirms = true

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (bytes, from) => {
      this.#client = from
      const frame = decodeFrame(bytes)
      if (!frame) return
      this.seen.push(frame)
      this.#answer(frame)
    })
  }

  static async start(): Promise<ScriptedGateway> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    closers.push(() => new Promise<void>((resolve) => socket.close(() => resolve())))
    return new ScriptedGateway(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  send(frame: KnxIpFrame | Buffer, from: Socket = this.#socket): void {
    from.send(Buffer.isBuffer(frame) ? frame : encodeFrame(frame), this.#client!.port, '127.0.0.1')
  }

  indicate(sequence: number, cemi: Buffer, channel = CHANNEL): void {
    this.send({ service: 'tunnellingRequest', channel, sequence, cemi })
  }

  acks(): number[] {
    return this.seen.flatMap((frame) => (frame.service === 'tunnellingAck' ? [frame.sequence] : []))
  }

  requests(): number[] {
    return this.seen.flatMap((frame) => (frame.service === 'tunnellingRequest' ? [frame.sequence] : []))
  }

  #answer(frame: KnxIpFrame): void {
    const status = 0
    if (frame.service === 'connectRequest' && this.deafTo-- > 0) return
    if (frame.service === 'connectRequest')
      this.send(
        this.connectStatus === 0
          ? {
              service: 'connectResponse',
              channel: CHANNEL,
              status,
              data: { address: '127.0.0.1', port: this.port },
              individualAddress: 0x11ff,
            }
          : { service: 'connectResponse', channel: 0, status: this.connectStatus },
      )
    else if (frame.service === 'connectionStateRequest')
      this.send({ service: 'connectionStateResponse', channel: CHANNEL, status })
    else if (frame.service === 'disconnectRequest')
      this.send({ service: 'disconnectResponse', channel: CHANNEL, status })
    else if (frame.service === 'tunnellingRequest' && this.acknowledges !== false) {
      const { sequence } = frame
      this.send({ service: 'tunnellingAck', channel: CHANNEL, sequence, status: this.acknowledges })
      if (this.confirms && this.acknowledges === 0) {
        const confirmation = Buffer.from(frame.cemi)
        confirmation[0] = 0x2e
        this.indicate((this.requests().length - 1) & 0xff, confirmation)
      }
    }
  }
}

async function openTunnel(gateway: ScriptedGateway, options: Partial<KnxTunnelOptions> = {}) {
  const telegrams: GroupTelegram[] = []
  const malformed: string[] = []
  const lost: string[] = []
  const tunnel = new KnxTunnel(
    {
      host: '127.0.0.1',
      port: gateway.port,
      connectTimeoutMs: 1_000,
      heartbeatMs: 60_000,
      confirmTimeoutMs: 100,
      ...options,
    },
    {
      onTelegram: (telegram) => telegrams.push(telegram),
      onMalformed: (error) => malformed.push(error.message),
      onLost: (error) => lost.push(error.message),
    },
  )
  closers.push(() => tunnel.close())
  await tunnel.open()
  return { tunnel, telegrams, malformed, lost }
}

const indication = (value: number): Buffer =>
  encodeCemi({
    messageCode: 'L_Data.ind',
    failed: false,
    service: 'GroupValue_Write',
    source: 0x1107,
    destination: ADDRESS,
    payload: { short: true, data: Buffer.of(value) },
  } satisfies CemiFrame)
const values = (telegrams: GroupTelegram[]) => telegrams.map((telegram) => telegram.payload.data[0])

describe('a tunnel at the wire', () => {
  it('connects on the link layer without naming an endpoint, and takes the address it is given', async () => {
    const gateway = await ScriptedGateway.start()
    const { tunnel } = await openTunnel(gateway)
    const any = { address: '0.0.0.0', port: 0 }
    expect(gateway.seen[0]).toEqual({ service: 'connectRequest', control: any, data: any, connectionType: 4, layer: 2 })
    expect(tunnel.individualAddress).toBe(0x11ff)
  })

  it('calls again after a second, and gives back what a slow gateway opens for the second call', async () => {
    const gateway = await ScriptedGateway.start()
    gateway.deafTo = 1
    const openedMs = performance.now()
    const { tunnel, lost } = await openTunnel(gateway, { connectTimeoutMs: 3_000 })
    expect(performance.now() - openedMs).toBeLessThan(2_000)
    const late = { service: 'connectResponse', status: 0, individualAddress: 0x11fe } as const
    gateway.send({ ...late, channel: CHANNEL + 1, data: { address: '127.0.0.1', port: gateway.port } })
    const goodbyes = () => gateway.seen.flatMap((f) => (f.service === 'disconnectRequest' ? [f.channel] : []))
    await vi.waitFor(() => expect(goodbyes()).toEqual([CHANNEL + 1]))
    expect(await tunnel.transmit('GroupValue_Write', ADDRESS, { short: true, data: Buffer.of(1) })).toBe('confirmed')
    expect([tunnel.individualAddress, lost]).toEqual([0x11ff, []])
  })

  it('sends L_Data.req from 0.0.0 and numbers requests from 0', async () => {
    const gateway = await ScriptedGateway.start()
    const { tunnel } = await openTunnel(gateway)
    const dpt = dptOf('5.001')
    expect(await tunnel.transmit('GroupValue_Write', ADDRESS, dpt.encode(20))).toBe('confirmed')
    expect(await tunnel.transmit('GroupValue_Write', ADDRESS, dptOf('1.001').encode(1))).toBe('confirmed')
    expect(await tunnel.transmit('GroupValue_Response', ADDRESS, dptOf('9.001').encode(21.5))).toBe('confirmed')
    expect(await tunnel.transmit('GroupValue_Read', ADDRESS, { short: true, data: Buffer.of(0) })).toBe('confirmed')
    const sent = gateway.seen.flatMap((f) => (f.service === 'tunnellingRequest' ? [f.cemi.toString('hex')] : []))
    expect(sent).toEqual([
      '1100bee00000080102008033',
      '1100bee000000801010081',
      '1100bee0000008010300400c33',
      '1100bee000000801010000',
    ])
    expect(gateway.requests()).toEqual([0, 1, 2, 3])
  })

  it('counts on beyond 256 indications', async () => {
    const gateway = await ScriptedGateway.start()
    const { telegrams } = await openTunnel(gateway)
    for (let n = 0; n < 260; n++) {
      gateway.indicate(n & 0xff, indication(n & 0x3f))
      if (n % 20 === 19) await vi.waitFor(() => expect(telegrams).toHaveLength(n + 1), { interval: 1 })
    }
    await vi.waitFor(() => expect(gateway.acks()).toHaveLength(260))
    expect(gateway.acks().slice(254)).toEqual([254, 255, 0, 1, 2, 3])
  })

  it('counts on beyond 256 requests', async () => {
    const gateway = await ScriptedGateway.start()
    const { tunnel } = await openTunnel(gateway)
    for (let n = 0; n < 260; n++)
      expect(await tunnel.transmit('GroupValue_Write', ADDRESS, dptOf('1.001').encode(n & 1))).toBe('confirmed')
    expect(gateway.requests().slice(254)).toEqual([254, 255, 0, 1, 2, 3])
  })

  it('takes a repeated indication once and acknowledges it twice', async () => {
    const gateway = await ScriptedGateway.start()
    const { telegrams } = await openTunnel(gateway)
    gateway.indicate(0, indication(1))
    gateway.indicate(0, indication(1))
    gateway.indicate(1, indication(2))
    await vi.waitFor(() => expect(gateway.acks()).toEqual([0, 0, 1]))
    expect(values(telegrams)).toEqual([1, 2])
  })

  it('leaves an indication out of order without acknowledgement', async () => {
    const gateway = await ScriptedGateway.start()
    const { telegrams } = await openTunnel(gateway)
    gateway.indicate(5, indication(1))
    gateway.indicate(0, indication(2))
    await vi.waitFor(() => expect(gateway.acks()).toEqual([0]))
    expect(values(telegrams)).toEqual([2])
  })

  it('acknowledges and drops what is no group telegram, and reports what is broken', async () => {
    const gateway = await ScriptedGateway.start()
    const { telegrams, malformed } = await openTunnel(gateway)
    gateway.indicate(0, Buffer.from('2900b06011051106 0080'.replace(' ', ''), 'hex'))
    gateway.indicate(1, Buffer.from('2900bc', 'hex'))
    gateway.send(Buffer.from('no KNX at all'))
    gateway.indicate(2, indication(1))
    await vi.waitFor(() => expect(gateway.acks()).toEqual([0, 1, 2]))
    expect(values(telegrams)).toEqual([1])
    expect(malformed).toHaveLength(2)
  })

  it('ignores frames for another channel', async () => {
    const gateway = await ScriptedGateway.start()
    const { telegrams, lost } = await openTunnel(gateway)
    gateway.indicate(0, indication(1), CHANNEL + 1)
    gateway.send({ service: 'disconnectRequest', channel: CHANNEL + 1, control: { address: '0.0.0.0', port: 0 } })
    gateway.indicate(0, indication(2))
    await vi.waitFor(() => expect(values(telegrams)).toEqual([2]))
    expect(lost).toEqual([])
  })

  it('answers a disconnect request and is lost', async () => {
    const gateway = await ScriptedGateway.start()
    const { tunnel, lost } = await openTunnel(gateway)
    gateway.send({ service: 'disconnectRequest', channel: CHANNEL, control: { address: '0.0.0.0', port: 0 } })
    await vi.waitFor(() => expect(lost).toEqual(['the gateway has ended the tunnel']))
    await vi.waitFor(() => expect(gateway.seen.at(-1)?.service).toBe('disconnectResponse'))
    expect(await tunnel.transmit('GroupValue_Write', ADDRESS, dptOf('1.001').encode(1))).toBe('lost')
  })

  it('repeats a request once after a second, then is lost and gives the channel back', async () => {
    const gateway = await ScriptedGateway.start()
    gateway.acknowledges = false
    const { tunnel, lost } = await openTunnel(gateway)
    const startMs = performance.now()
    expect(await tunnel.transmit('GroupValue_Write', ADDRESS, dptOf('1.001').encode(1))).toBe('lost')
    expect(performance.now() - startMs).toBeLessThan(2_500)
    expect(gateway.requests()).toEqual([0, 0])
    expect(lost).toHaveLength(1)
    await vi.waitFor(() => expect(gateway.seen.at(-1)?.service).toBe('disconnectRequest'))
  })

  it('is lost when the gateway acknowledges with an error', async () => {
    const gateway = await ScriptedGateway.start()
    gateway.acknowledges = 0x29
    const { tunnel, lost } = await openTunnel(gateway)
    expect(await tunnel.transmit('GroupValue_Write', ADDRESS, dptOf('1.001').encode(1))).toBe('lost')
    expect(lost).toEqual(['the gateway does not take a telegram: tunnellingLayer (0x29)'])
  })

  it('says unconfirmed when the acknowledgement is all that comes', async () => {
    const gateway = await ScriptedGateway.start()
    gateway.confirms = false
    const { tunnel } = await openTunnel(gateway)
    expect(await tunnel.transmit('GroupValue_Write', ADDRESS, dptOf('1.001').encode(1))).toBe('unconfirmed')
  })

  it('refuses to open when the gateway has no channel, with its reason', async () => {
    const gateway = await ScriptedGateway.start()
    gateway.connectStatus = 0x24
    await expect(openTunnel(gateway)).rejects.toThrow('refuses a tunnel: noMoreConnections (0x24)')
  })

  it('refuses an address that the library cannot use', () => {
    const listener = { onTelegram() {}, onMalformed() {}, onLost() {} }
    expect(() => new KnxTunnel({ host: '169.254.1.1', port: 3671 }, listener)).toThrow('npm knx refuses 169.254.1.1')
  })
})
