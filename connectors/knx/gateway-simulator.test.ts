import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { device } from '../testing/fixtures.ts'
import { parseGroupAddress } from './addresses.ts'
import { type CemiFrame, decodeCemi, encodeCemi, NO_PAYLOAD } from './cemi.ts'
import { dptOf } from './dpt.ts'
import { GatewaySimulator, type GatewaySimulatorOptions } from './gateway-simulator.ts'
import { ANY_ENDPOINT, decodeFrame, encodeFrame, type KnxIpFrame } from './knxnetip-frames.ts'
import { simulatedDatapoints } from './simulated-building.ts'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** A client that speaks frame by frame. */
class RawClient {
  readonly frames: KnxIpFrame[] = []
  readonly #socket: Socket
  readonly #port: number
  acknowledges = true
  channel = 0
  sequence = 0

  constructor(socket: Socket, port: number) {
    this.#socket = socket
    this.#port = port
    socket.on('message', (bytes) => {
      const frame = decodeFrame(bytes)!
      this.frames.push(frame)
      if (frame.service === 'tunnellingRequest' && this.acknowledges)
        this.send({ service: 'tunnellingAck', channel: frame.channel, sequence: frame.sequence, status: 0 })
    })
  }

  send(frame: KnxIpFrame | Buffer): void {
    this.#socket.send(Buffer.isBuffer(frame) ? frame : encodeFrame(frame), this.#port, '127.0.0.1')
  }

  async next<S extends KnxIpFrame['service']>(service: S, index = 0): Promise<KnxIpFrame & { service: S }> {
    await vi.waitFor(() => expect(this.frames.filter((f) => f.service === service).length).toBeGreaterThan(index), {
      timeout: 4_000,
      interval: 5,
    })
    return this.frames.filter((f) => f.service === service)[index] as KnxIpFrame & { service: S }
  }

  async connect(layer = 2, connectionType = 4) {
    this.send({ service: 'connectRequest', control: ANY_ENDPOINT, data: ANY_ENDPOINT, connectionType, layer })
    const answer = await this.next('connectResponse')
    this.channel = answer.channel
    return answer
  }

  request(changes: Partial<CemiFrame>, sequence = this.sequence++): void {
    const cemi = encodeCemi({
      messageCode: 'L_Data.req',
      failed: false,
      service: 'GroupValue_Write',
      source: 0,
      destination: parseGroupAddress('1/1/1'),
      payload: dptOf('1.001').encode(1),
      ...changes,
    })
    this.send({ service: 'tunnellingRequest', channel: this.channel, sequence, cemi })
  }

  telegrams(): CemiFrame[] {
    return this.frames.flatMap((f) => (f.service === 'tunnellingRequest' ? [decodeCemi(f.cemi)!] : []))
  }
}

async function setUp(options: Partial<GatewaySimulatorOptions> = {}) {
  const gateway = new GatewaySimulator({
    datapoints: [
      { write: '1/0/1', status: '1/0/2', dpt: '5.001', initial: 100, travelMs: 400 },
      { write: '1/1/1', status: '1/1/2', dpt: '1.001', individualAddress: '1.1.7' },
    ],
    telegramTimeMs: 1,
    ...options,
  })
  const { port } = await gateway.start()
  closers.push(() => gateway.stop())
  const newClient = async () => {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    closers.push(() => new Promise<void>((resolve) => socket.close(() => resolve())))
    return new RawClient(socket, port)
  }
  return { gateway, port, newClient }
}

describe('the simulated gateway at the wire', () => {
  it('acknowledges a request, confirms it with its own source, and tells the other tunnels', async () => {
    const { gateway, newClient } = await setUp()
    const one = await newClient()
    const other = await newClient()
    const { individualAddress } = await one.connect()
    await other.connect()
    one.request({})
    expect(await one.next('tunnellingAck')).toMatchObject({ sequence: 0, status: 0 })
    await vi.waitFor(() => expect(one.telegrams()).toHaveLength(2))
    expect(one.telegrams()).toMatchObject([
      { messageCode: 'L_Data.con', failed: false, source: individualAddress, destination: parseGroupAddress('1/1/1') },
      { messageCode: 'L_Data.ind', source: 0x1107, destination: parseGroupAddress('1/1/2') },
    ])
    await vi.waitFor(() => expect(other.telegrams()).toHaveLength(2))
    expect(other.telegrams()[0]).toMatchObject({ messageCode: 'L_Data.ind', source: individualAddress })
    expect(gateway.value('1/1/1')).toBe(1)
  })

  it('takes a repeated request once and acknowledges it again; another number it ignores', async () => {
    const { gateway, newClient } = await setUp()
    const client = await newClient()
    await client.connect()
    const writes: number[] = []
    gateway.onWrite((_, value) => writes.push(value))
    client.request({}, 0)
    client.request({}, 0)
    client.request({}, 7)
    client.request({ payload: dptOf('1.001').encode(0) }, 1)
    await vi.waitFor(() => expect(writes).toEqual([1, 0]))
    expect(client.frames.flatMap((f) => (f.service === 'tunnellingAck' ? [f.sequence] : []))).toEqual([0, 0, 1])
  })

  it.each([
    ['another connection type', 2, 3, 0x22],
    ['the bus monitor layer', 0x80, 4, 0x29],
  ])('refuses %s', async (_, layer, connectionType, status) => {
    const { newClient, gateway } = await setUp()
    const client = await newClient()
    expect(await client.connect(layer, connectionType)).toEqual({ service: 'connectResponse', channel: 0, status })
    expect(gateway.tunnels).toBe(0)
  })

  it('refuses one tunnel too many, and takes it when another was given back', async () => {
    const { newClient } = await setUp({ maxTunnels: 1 })
    const [first, second, third] = [await newClient(), await newClient(), await newClient()]
    await first.connect()
    expect(await second.connect()).toMatchObject({ status: 0x24 })
    first.send({ service: 'disconnectRequest', channel: first.channel, control: ANY_ENDPOINT })
    expect(await first.next('disconnectResponse')).toMatchObject({ status: 0 })
    expect(await third.connect()).toMatchObject({ status: 0 })
  })

  it('repeats an indication after a second and ends the tunnel that does not acknowledge', {
    timeout: 6_000,
  }, async () => {
    const { gateway, newClient } = await setUp()
    const client = await newClient()
    await client.connect()
    client.acknowledges = false
    gateway.setValue('1/1/2', 1)
    await client.next('disconnectRequest')
    expect(client.frames.flatMap((f) => (f.service === 'tunnellingRequest' ? [f.sequence] : []))).toEqual([0, 0])
    expect(gateway.tunnels).toBe(0)
  })

  it('ends a tunnel whose client asks for no state, and says so to one that asks too late', async () => {
    const { gateway, newClient } = await setUp({ heartbeatTimeoutMs: 100 })
    const client = await newClient()
    await client.connect()
    client.send({ service: 'connectionStateRequest', channel: client.channel, control: ANY_ENDPOINT })
    expect(await client.next('connectionStateResponse')).toMatchObject({ status: 0 })
    await client.next('disconnectRequest')
    expect(gateway.tunnels).toBe(0)
    client.send({ service: 'connectionStateRequest', channel: client.channel, control: ANY_ENDPOINT })
    expect(await client.next('connectionStateResponse', 1)).toMatchObject({ status: 0x21 })
  })

  it('describes itself to who asks', async () => {
    const { newClient, port } = await setUp()
    const client = await newClient()
    client.send({ service: 'descriptionRequest', control: ANY_ENDPOINT })
    client.send({ service: 'searchRequest', discovery: ANY_ENDPOINT })
    expect((await client.next('descriptionResponse')).device.name).toBe('Brook simulated gateway')
    expect((await client.next('searchResponse')).control).toEqual({ address: '127.0.0.1', port })
  })

  it('ignores what is no KNXnet/IP, strangers on a channel, and payloads of the wrong form', async () => {
    const { gateway, newClient } = await setUp()
    const [client, stranger] = [await newClient(), await newClient()]
    await client.connect()
    stranger.channel = client.channel
    stranger.send(Buffer.from('06100420'))
    stranger.request({})
    client.request({ payload: { short: false, data: Buffer.of(1) } })
    client.request({ service: 'GroupValue_Read', destination: parseGroupAddress('1/1/2'), payload: NO_PAYLOAD })
    await vi.waitFor(() => expect(client.telegrams().at(-1)?.service).toBe('GroupValue_Response'))
    expect(gateway.value('1/1/1')).toBe(0)
  })
})

describe('simulated devices', () => {
  it('travel, answer from where they are, turn round on the way, and report on arrival only', async () => {
    const { gateway } = await setUp()
    const reports: number[] = []
    gateway.onTelegram(({ destination, payload }) => {
      if (destination === parseGroupAddress('1/0/2')) reports.push(dptOf('5.001').decode(payload)!)
    })
    gateway.setValue('1/0/1', 0)
    await vi.waitFor(() => expect(gateway.value('1/0/1')).toBeLessThan(80), { interval: 5 })
    expect(gateway.value('1/0/1')).toBeGreaterThan(0)
    expect(reports).toEqual([])
    gateway.setValue('1/0/1', 100)
    await vi.waitFor(() => expect(reports).toEqual([100]))
  })

  it('stand for the KNX groups of device records', async () => {
    const groups = [
      { kind: 'blinds', write: '2/0/1', status: '2/0/2', dpt: '5.001', statusDpt: null, inverted: false },
      { kind: 'temperature', write: null, status: '2/0/3', dpt: '9.001', statusDpt: null, inverted: false },
    ] as const
    const datapoints = simulatedDatapoints([device({ deviceId: 'a', knx: { groups } }), device({ deviceId: 'b' })])
    const { gateway } = await setUp({ datapoints })
    expect(gateway.value('2/0/2')).toBe(100)
    expect(gateway.value('2/0/3')).toBe(21)
    expect(() => gateway.value('2/0/4')).toThrow('nothing simulated has the group address 2/0/4')
    expect(() => new GatewaySimulator({ datapoints: [...datapoints, ...datapoints] })).toThrow('share a group address')
  })
})
