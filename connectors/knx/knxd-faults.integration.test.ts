import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { formatGroupAddress, parseGroupAddress } from './addresses.ts'
import { encodeCemi, type GroupTelegram } from './cemi.ts'
import { dptOf } from './dpt.ts'
import { KnxLink, type KnxLinkOptions } from './knx-link.ts'
import { encodeFrame } from './knxnetip-frames.ts'
import { Knxd, TUNNEL_SERVER } from './testing/knxd.ts'
import { PrivateNetwork } from './testing/private-network.ts'
import { type Datagram, Wire } from './testing/wire.ts'

const counter = dptOf('7.001')
const ADDRESSES = Array.from({ length: 5 }, (_, i) => parseGroupAddress(`2/0/${i + 1}`))
const REPORT = parseGroupAddress('3/0/1')
const WITHIN_MS = 5_000

let network: PrivateNetwork
let knxd: Knxd
let wire: Wire
const closers: (() => Promise<void>)[] = []

beforeAll(async () => {
  network = await PrivateNetwork.open()
})
afterAll(() => network.close())
beforeEach(async () => {
  knxd = await Knxd.start(TUNNEL_SERVER, network.prefix)
  closers.push(() => knxd.remove())
  wire = await Wire.open(network)
  closers.push(() => wire.close())
})
afterEach(async () => {
  wire.interfere = ({ bytes }) => [bytes]
  for (const close of closers.splice(0).reverse()) await close()
})

interface End {
  readonly link: KnxLink
  readonly telegrams: GroupTelegram[]
  readonly states: [up: boolean, atMs: number][]
  readonly malformed: Error[]
}

/** One end of a tunnel through the wire, with the defaults that a building has. */
async function tunnel(options: Partial<KnxLinkOptions> = {}): Promise<End> {
  const telegrams: GroupTelegram[] = []
  const states: [boolean, number][] = []
  const malformed: Error[] = []
  const link = new KnxLink(
    { host: '127.0.0.1', port: wire.port, ...options },
    {
      onTelegram: (telegram) => telegrams.push(telegram),
      onState: (up) => states.push([up, performance.now()]),
      onMalformed: (error) => malformed.push(error),
    },
  )
  closers.push(() => link.close())
  await link.open()
  return { link, telegrams, states, malformed }
}

const until = (holds: () => void, timeout = 10_000) => vi.waitFor(holds, { timeout, interval: 10 })
const countOf = (telegram: GroupTelegram): number => counter.decode(telegram.payload) ?? -1

/** What an application and an actuator do to each other, and what became of it. */
class Traffic {
  readonly confirmed: number[] = []
  readonly failed: Error[] = []
  readonly confirmedAtMs: number[] = []
  #next = 0
  #stopped = false
  readonly #writes: Promise<void>[] = []
  readonly #running: Promise<void>

  constructor(from: KnxLink) {
    this.#running = this.#run(from)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#running
    await Promise.all(this.#writes)
  }

  get written(): number {
    return this.#next
  }

  async #run(from: KnxLink): Promise<void> {
    while (!this.#stopped) {
      const count = this.#next++
      const write = from.write(ADDRESSES[count % ADDRESSES.length]!, counter.encode(count)).then(
        () => {
          this.confirmed.push(count)
          this.confirmedAtMs.push(performance.now())
        },
        (error: Error) => {
          if (!error.message.includes('a younger write')) this.failed.push(error)
        },
      )
      this.#writes.push(write)
      await sleep(70)
    }
  }
}

describe('a real knxd that goes away and comes back during traffic', () => {
  it.each([
    ['killed, for half a second', 500],
    ['killed, for long enough that tries are as far apart as they get', 7_000],
  ])(
    '%s: what was confirmed was on the bus, the rest follows, in order, within 5 s',
    { timeout: 40_000 },
    async (_, awayMs) => {
      const [application, actuator] = await Promise.all([tunnel(), tunnel()])
      const traffic = new Traffic(application.link)
      await until(() => expect(traffic.confirmed.length).toBeGreaterThan(10))
      await knxd.tool('groupwrite', '3/0/1', '00', '01')
      await until(() => expect(application.telegrams.some((t) => t.destination === REPORT)).toBe(true))

      await knxd.kill()
      const pendingAtKill = application.link.pending
      await sleep(awayMs)
      // One write waits for each address, however many came.
      expect(application.link.pending).toBeLessThanOrEqual(ADDRESSES.length + 1)
      expect(pendingAtKill).toBeLessThanOrEqual(ADDRESSES.length + 1)
      await knxd.resume()
      const backMs = performance.now()
      await until(() => expect(traffic.confirmedAtMs.at(-1)).toBeGreaterThan(backMs))
      const recoveredMs = traffic.confirmedAtMs.find((atMs) => atMs > backMs)! - backMs
      await until(() => expect(actuator.states.map(([up]) => up)).toEqual([true, false, true]))
      const actuatorMs = actuator.states.at(-1)![1] - backMs
      await until(() => expect(application.link.up).toBe(true))
      await knxd.tool('groupwrite', '3/0/1', '00', '02')
      await until(() => expect(application.telegrams.map(countOf)).toContain(2))
      // Devices hear what is written from now on.
      const heardFrom = traffic.written
      await until(() => expect(traffic.confirmed.some((count) => count > heardFrom + 10)).toBe(true))
      await traffic.stop()
      await until(() => expect(actuator.telegrams.map(countOf)).toContain(traffic.written - 1))

      expect(traffic.failed).toEqual([])
      expect(recoveredMs).toBeLessThan(WITHIN_MS)
      expect(actuatorMs).toBeLessThan(WITHIN_MS)
      for (const address of ADDRESSES) {
        const heard = actuator.telegrams.filter((t) => t.destination === address).map(countOf)
        expect(heard, formatGroupAddress(address)).toEqual([...heard].sort((a, b) => a - b))
      }
      const heard = new Set(actuator.telegrams.map(countOf))
      const beforeKill = traffic.confirmed.filter((_, i) => traffic.confirmedAtMs[i]! < backMs - awayMs)
      // knxd says that it is on the bus, and dies before it has told the other tunnels: one at most.
      expect(beforeKill.filter((count) => !heard.has(count)).length).toBeLessThanOrEqual(1)
      console.log(
        `knxd away for ${awayMs} ms: writes go on ${recoveredMs.toFixed(0)} ms after its return, the other tunnel stands after ` +
          `${actuatorMs.toFixed(0)} ms; ${traffic.confirmed.length} confirmed of ${traffic.written} written`,
      )
    },
  )

  it('stopped (SIGSTOP): seen within seconds, and what waits is on the bus within 5 s of its going on', {
    timeout: 40_000,
  }, async () => {
    const { link, states } = await tunnel()
    const actuator = await tunnel()
    knxd.signal('SIGSTOP')
    const stoppedMs = performance.now()
    const writes = ADDRESSES.map((address, i) => link.write(address, counter.encode(i)))
    await until(() => expect(link.up).toBe(false))
    const seenMs = states.at(-1)![1] - stoppedMs
    await until(() => expect(actuator.link.up).toBe(false), 15_000)
    const idleSeenMs = actuator.states.at(-1)![1] - stoppedMs
    expect(link.pending).toBe(ADDRESSES.length)
    knxd.signal('SIGCONT')
    const backMs = performance.now()
    await Promise.all(writes)
    const recoveredMs = performance.now() - backMs
    await until(() => expect(actuator.link.up).toBe(true))
    await link.write(ADDRESSES[0]!, counter.encode(99))
    await until(() => expect(actuator.telegrams.map(countOf)).toContain(99))
    expect(seenMs).toBeLessThan(4_000)
    expect(idleSeenMs).toBeLessThan(10_000)
    expect(recoveredMs).toBeLessThan(WITHIN_MS)
    console.log(
      `knxd stopped: seen after ${seenMs.toFixed(0)} ms with a write, ${idleSeenMs.toFixed(0)} ms without; writes done ${recoveredMs.toFixed(0)} ms after it went on`,
    )
  })
})

describe('a wire that loses, repeats and mixes up, between us and a real knxd', () => {
  const isAck = ({ toGateway, frame }: Datagram) => !toGateway && frame?.service === 'tunnellingAck'
  const isIndication = ({ toGateway, telegram }: Datagram) => !toGateway && telegram?.messageCode === 'L_Data.ind'

  it('acknowledgement lost: the request is repeated, and is on the bus once', async () => {
    const [application, actuator] = await Promise.all([tunnel(), tunnel()])
    let lose = 1
    wire.interfere = (datagram) => (isAck(datagram) && lose-- > 0 ? [] : [datagram.bytes])
    await application.link.write(ADDRESSES[0]!, counter.encode(7))
    await application.link.write(ADDRESSES[0]!, counter.encode(8))
    await until(() => expect(actuator.telegrams.map(countOf)).toEqual([7, 8]))
    expect(application.states).toHaveLength(1)
  })

  it('no acknowledgement at all: the tunnel is lost within seconds, and the write is done by the next one', async () => {
    const application = await tunnel()
    const writer = wire.recorded.at(-1)!.client
    let lose = true
    wire.interfere = (datagram) => (lose && isAck(datagram) ? [] : [datagram.bytes])
    const startedMs = performance.now()
    const write = application.link.write(ADDRESSES[0]!, counter.encode(7))
    await until(() => expect(application.link.up).toBe(false))
    expect(performance.now() - startedMs).toBeLessThan(4_000)
    lose = false
    await write
    expect(wire.sent.at(-1)!.client).not.toBe(writer)
  })

  it('indications repeated: heard once, acknowledged twice; out of order or of another channel: neither', async () => {
    const application = await tunnel()
    const { client, frame } = wire.recorded.findLast((d) => d.frame?.service === 'connectResponse')!
    const channel = frame && 'channel' in frame ? frame.channel : 0
    wire.interfere = (datagram) => (isIndication(datagram) ? [datagram.bytes, datagram.bytes] : [datagram.bytes])
    await knxd.tool('groupwrite', '3/0/1', '00', '01')
    await knxd.tool('groupwrite', '3/0/1', '00', '02')
    await until(() => expect(application.telegrams.map(countOf)).toEqual([1, 2]))
    const acks = () => wire.recorded.filter((d) => d.toGateway && d.frame?.service === 'tunnellingAck').length
    await until(() => expect(acks()).toBe(4))
    const telegram = {
      service: 'GroupValue_Write',
      source: 0x1101,
      destination: REPORT,
      payload: counter.encode(3),
    } as const
    const cemi = encodeCemi({ ...telegram, messageCode: 'L_Data.ind', failed: false })
    const frames = [
      { channel: channel + 1, sequence: 2 },
      { channel, sequence: 9 },
      { channel: channel + 1, sequence: 0 },
    ]
    for (const one of frames) wire.inject(client, encodeFrame({ service: 'tunnellingRequest', cemi, ...one }))
    wire.inject(
      client,
      encodeFrame({ service: 'disconnectRequest', channel: channel + 1, control: { address: '0.0.0.0', port: 0 } }),
    )
    wire.inject(client, Buffer.from('0610042000', 'hex'))
    await knxd.tool('groupwrite', '3/0/1', '00', '04')
    await until(() => expect(application.telegrams.map(countOf)).toEqual([1, 2, 4]))
    expect(application.malformed).toHaveLength(1)
    expect(application.states).toHaveLength(1)
    expect(acks()).toBe(6)
  })

  it('a link that is closed says so: knxd frees the channel at once', async () => {
    const { link } = await tunnel()
    const closed = await link.close()
    expect(closed).toBeUndefined()
    const services = wire.recorded.map(({ frame, toGateway }) => `${toGateway ? '>' : '<'} ${frame?.service}`)
    expect(services.slice(-2)).toEqual(['> disconnectRequest', '< disconnectResponse'])
  })
})

describe('the rate on the wire', () => {
  it('is 20 telegrams in any second at most, 10 of them reads, and writes go first', { timeout: 30_000 }, async () => {
    const { link } = await tunnel()
    const reads = Array.from({ length: 15 }, (_, i) =>
      link.read(parseGroupAddress(`4/0/${i + 1}`), 50).catch(() => undefined),
    )
    const writes = Array.from({ length: 40 }, (_, i) =>
      link.write(parseGroupAddress(`5/0/${i + 1}`), counter.encode(i)),
    )
    await Promise.all([...reads, ...writes])
    const atMs = (service?: string) =>
      wire.sent.flatMap((d) => (service === undefined || d.telegram?.service === service ? [d.atMs] : []))
    expect(atMs()).toHaveLength(55)
    expect(mostInASecond(atMs())).toBeLessThanOrEqual(20)
    expect(mostInASecond(atMs('GroupValue_Read'))).toBeLessThanOrEqual(10)
    const order = wire.sent.map((d) => d.telegram?.service)
    expect(order.lastIndexOf('GroupValue_Write')).toBeLessThan(42)
  })
})

function mostInASecond(atMs: readonly number[]): number {
  return Math.max(...atMs.map((from) => atMs.filter((at) => at >= from && at < from + 1_000).length))
}
