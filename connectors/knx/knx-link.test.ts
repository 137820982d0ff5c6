import { afterEach, describe, expect, it, vi } from 'vitest'
import { formatGroupAddress, parseGroupAddress } from './addresses.ts'
import type { GroupTelegram } from './cemi.ts'
import { dptOf } from './dpt.ts'
import {
  KnxLinkClosedError,
  KnxSupersededError,
  KnxTelegramRefusedError,
  KnxTimeoutError,
  KnxTunnelError,
} from './errors.ts'
import { GatewaySimulator, type GatewaySimulatorOptions } from './gateway-simulator.ts'
import { KnxLink, type KnxLinkListener, type KnxLinkOptions } from './knx-link.ts'

const BLINDS = parseGroupAddress('1/0/1')
const BLINDS_STATUS = parseGroupAddress('1/0/2')
const SWITCH = parseGroupAddress('1/1/1')
const SWITCH_STATUS = parseGroupAddress('1/1/2')
const datapoints = [
  { write: '1/0/1', status: '1/0/2', dpt: '5.001', initial: 40, individualAddress: '1.1.7' },
  { write: '1/1/1', status: '1/1/2', dpt: '1.001' },
  { status: '1/2/1', dpt: '9.001', initial: 21.5 },
]
const percent = (value: number) => dptOf('5.001').encode(value)
const on = dptOf('1.001').encode(1)

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function startGateway(options: Partial<GatewaySimulatorOptions> = {}) {
  const gateway = new GatewaySimulator({ datapoints, telegramTimeMs: 1, ...options })
  closers.push(() => gateway.stop())
  const { port } = await gateway.start()
  return { gateway, port }
}

function newLink(port: number, options: Partial<KnxLinkOptions> = {}, listener: KnxLinkListener = {}) {
  const link = new KnxLink(
    { host: '127.0.0.1', port, telegramsPerSecond: 500, readsPerSecond: 500, backoff: { baseMs: 50 }, ...options },
    listener,
  )
  closers.push(() => link.close())
  return link
}

async function connected(options: Partial<KnxLinkOptions> = {}, listener: KnxLinkListener = {}) {
  const { gateway, port } = await startGateway()
  const link = newLink(port, options, listener)
  await link.open()
  return { gateway, port, link }
}

describe('a KNX link', () => {
  it('writes, is confirmed, and reads back over the wire', async () => {
    const { gateway, link } = await connected()
    const writes: unknown[] = []
    gateway.onWrite((address, value) => writes.push([address, Math.round(value)]))
    await link.write(BLINDS, percent(75))
    await link.write(SWITCH, on)
    expect(writes).toEqual([
      ['1/0/1', 75],
      ['1/1/1', 1],
    ])
    expect(await link.read(BLINDS_STATUS)).toEqual(percent(75))
    expect(await link.read(SWITCH_STATUS)).toEqual(on)
    expect(dptOf('9.001').decode(await link.read(parseGroupAddress('1/2/1')))).toBe(21.5)
  })

  it('gets an address of its own from the gateway and sends from it', async () => {
    const { gateway, port, link } = await connected()
    const other = newLink(port)
    await other.open()
    const sources: number[] = []
    gateway.onTelegram((telegram) => {
      if (telegram.destination === BLINDS) sources.push(telegram.source)
    })
    await link.write(BLINDS, percent(1))
    await other.write(BLINDS, percent(2))
    expect(sources).toEqual([link.individualAddress, other.individualAddress])
    expect(new Set(sources).size).toBe(2)
  })

  it('hears status telegrams and what others write, each once, and not itself', async () => {
    const heard: string[] = []
    const listen = (t: GroupTelegram) => heard.push(`${t.service} ${formatGroupAddress(t.destination)}`)
    const { gateway, port, link } = await connected({}, { onTelegram: listen })
    gateway.faults.duplicates = true
    const other = newLink(port)
    await other.open()
    await link.write(BLINDS, percent(10))
    await other.write(SWITCH, on)
    await vi.waitFor(() =>
      expect(heard).toEqual(['GroupValue_Write 1/0/2', 'GroupValue_Write 1/1/1', 'GroupValue_Write 1/1/2']),
    )
  })

  it('sends no more telegrams in a second than it may, and commands before reads', async () => {
    const { gateway, link } = await connected({ telegramsPerSecond: 40, readsPerSecond: 20 })
    const sent: { atMs: number; service: string }[] = []
    gateway.onTelegram(({ service, source }) => {
      if (source === link.individualAddress) sent.push({ atMs: performance.now(), service })
    })
    const reads = [0, 1, 2, 3].map((n) => link.read(parseGroupAddress(`2/0/${n + 1}`), 1).catch((e: unknown) => e))
    const writes = Array.from({ length: 12 }, (_, n) => link.write(parseGroupAddress(`3/0/${n + 1}`), percent(n)))
    await Promise.all([...reads, ...writes])
    const services = sent.map(({ service }) => service.replace('GroupValue_', ''))
    expect(services).toEqual(['Read', ...Array<string>(12).fill('Write'), 'Read', 'Read', 'Read'])
    expect(sent.at(-1)!.atMs - sent[0]!.atMs).toBeGreaterThanOrEqual(12 * 25 + 2 * 50 - 20)
  })

  it('replaces a write that waits by a younger one to the same address', async () => {
    const { gateway, link } = await connected({ telegramsPerSecond: 20 })
    const values: number[] = []
    gateway.onWrite((_, value) => values.push(Math.round(value)))
    const first = link.write(BLINDS, percent(10))
    const second = link.write(BLINDS, percent(20)).catch((error: unknown) => error)
    const third = link.write(BLINDS, percent(30))
    expect(await second).toBeInstanceOf(KnxSupersededError)
    await Promise.all([first, third])
    expect(values).toEqual([10, 30])
  })

  it.each([
    ['a telegram that was lost on the way', 'loseRequests'],
    ['a telegram whose acknowledgement was lost, once on the bus', 'loseAcks'],
  ] as const)('repeats %s within the same tunnel', async (_, fault) => {
    const states: boolean[] = []
    const { gateway, link } = await connected({}, { onState: (up) => states.push(up) })
    gateway.faults[fault] = 1
    const writes: number[] = []
    gateway.onWrite((_address, value) => writes.push(Math.round(value)))
    await link.write(BLINDS, percent(60))
    expect(writes).toEqual([60])
    expect(states).toEqual([true])
  })

  it('gives up a write that nobody on the bus acknowledges, after three tries', async () => {
    const { gateway, link } = await connected()
    gateway.setLine('refuses')
    await expect(link.write(BLINDS, percent(5))).rejects.toThrow(KnxTelegramRefusedError)
    gateway.setLine('works')
    await link.write(BLINDS, percent(6))
  })

  it('gives up a write that the gateway never confirms', async () => {
    const { gateway, link } = await connected({ confirmTimeoutMs: 50, maxTries: 2 })
    gateway.setLine('silent')
    await expect(link.write(BLINDS, percent(5))).rejects.toThrow(/sent 2 times and the gateway never confirmed/)
  })

  it('gives up a read without an answer, and shares one between two askers', async () => {
    const { gateway, link } = await connected()
    let reads = 0
    gateway.onTelegram(({ service }) => {
      if (service === 'GroupValue_Read') reads++
    })
    const both = await Promise.all([link.read(BLINDS_STATUS), link.read(BLINDS_STATUS)])
    expect(both).toEqual([percent(40), percent(40)])
    expect(reads).toBe(1)
    gateway.mute('1/0/2')
    await expect(link.read(BLINDS_STATUS, 50)).rejects.toThrow(KnxTimeoutError)
    gateway.mute('1/0/2', false)
    expect(await link.read(BLINDS_STATUS)).toEqual(percent(40))
  })
})

describe('a KNX link that is lost', () => {
  it('keeps a write while the gateway is away and has it confirmed after its return', { timeout: 15_000 }, async () => {
    const states: boolean[] = []
    const { gateway, link } = await connected({ connectTimeoutMs: 500 }, { onState: (up) => states.push(up) })
    await gateway.stop({ abrupt: true })
    const write = link.write(BLINDS, percent(80))
    await vi.waitFor(() => expect(states).toEqual([true, false]), { timeout: 4_000, interval: 20 })
    await gateway.start()
    const backMs = performance.now()
    await write
    expect(performance.now() - backMs).toBeLessThan(2_500)
    expect(Math.round(gateway.value('1/0/1'))).toBe(80)
    expect(states).toEqual([true, false, true])
  })

  it('holds one write per address while the gateway is away, however many come', async () => {
    const { gateway, link } = await connected()
    await gateway.stop({ abrupt: true })
    const writes: Promise<unknown>[] = []
    for (let i = 0; i < 20_000; i++)
      writes.push(link.write(BLINDS + (i % 100), percent(i % 101)).catch((error: unknown) => error))
    expect(link.pending).toBeLessThanOrEqual(101)
    await link.close()
    const ends = await Promise.all(writes)
    expect(ends.filter((end) => end instanceof KnxSupersededError).length).toBeGreaterThanOrEqual(19_899)
    expect(link.pending).toBe(0)
  })

  it('sees a silent gateway by heartbeat without any traffic', async () => {
    const states: (string | undefined)[] = []
    const { gateway, link } = await connected(
      { heartbeatMs: 100, heartbeatAnswerMs: 200 },
      { onState: (_, why) => states.push(why?.message) },
    )
    gateway.faults.silent = true
    await vi.waitFor(() => expect(states).toHaveLength(2), { timeout: 4_500, interval: 20 })
    expect(states[1]).toContain('does not answer any more')
    await expect(link.read(BLINDS_STATUS)).rejects.toThrow(KnxTunnelError)
    expect(link.up).toBe(false)
  })

  it('survives one lost heartbeat', async () => {
    const states: boolean[] = []
    const { gateway } = await connected(
      { heartbeatMs: 100, heartbeatAnswerMs: 200 },
      { onState: (up) => states.push(up) },
    )
    gateway.faults.silent = true
    await new Promise((resolve) => setTimeout(resolve, 350))
    gateway.faults.silent = false
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect(states).toEqual([true])
  })

  it('comes back when the gateway ends the tunnel, and fails the reads of before', async () => {
    const states: boolean[] = []
    const { gateway, link } = await connected({}, { onState: (up) => states.push(up) })
    gateway.mute('1/0/2')
    const read = link.read(BLINDS_STATUS).catch((error: unknown) => error)
    await link.write(SWITCH, on)
    gateway.disconnectAll()
    expect(await read).toBeInstanceOf(KnxTunnelError)
    await vi.waitFor(() => expect(states).toEqual([true, false, true]))
    expect(gateway.tunnels).toBe(1)
  })

  it('gives its channel back when it takes a gateway for dead', async () => {
    const { gateway, link } = await connected({ heartbeatMs: 100, heartbeatAnswerMs: 100, backoff: { baseMs: 2_000 } })
    gateway.faults.delayMs = 1_000
    await vi.waitFor(() => expect(link.up).toBe(false), { timeout: 2_000, interval: 20 })
    await vi.waitFor(() => expect(gateway.tunnels).toBe(0), { timeout: 500, interval: 20 })
  })

  it('tries on, quietly, while all channels are taken, and connects when one is free', async () => {
    const { port } = await startGateway({ maxTunnels: 1 })
    const first = newLink(port)
    await first.open()
    const reasons: (string | undefined)[] = []
    const second = newLink(
      port,
      { backoff: { baseMs: 20, capMs: 40 } },
      { onState: (_, why) => reasons.push(why?.message) },
    )
    const opened = second.open()
    await vi.waitFor(() => expect(reasons).toEqual(['the gateway refuses a tunnel: noMoreConnections (0x24)']))
    await new Promise((resolve) => setTimeout(resolve, 200))
    await first.close()
    await opened
    expect(reasons).toEqual(['the gateway refuses a tunnel: noMoreConnections (0x24)', undefined])
  })

  it('drops a write whose time is over and does not send it later', async () => {
    const { gateway, link } = await connected({ connectTimeoutMs: 300 })
    await gateway.stop()
    await vi.waitFor(() => expect(link.up).toBe(false))
    await expect(link.write(BLINDS, percent(90), { timeoutMs: 100 })).rejects.toThrow(KnxTimeoutError)
    const signal = AbortSignal.timeout(50)
    await expect(link.write(SWITCH, on, { signal })).rejects.toThrow()
    await gateway.start()
    await vi.waitFor(() => expect(link.up).toBe(true), { timeout: 3_000 })
    await link.read(BLINDS_STATUS)
    expect(gateway.value('1/0/1')).toBe(40)
    expect(gateway.value('1/1/1')).toBe(0)
  })
})

describe('closing a KNX link', () => {
  it('gives the channel back and rejects what waits', async () => {
    const { gateway, link } = await connected({ telegramsPerSecond: 1 })
    gateway.mute('1/0/2')
    const read = link.read(BLINDS_STATUS).catch((error: unknown) => error)
    const write = link.write(SWITCH, on).catch((error: unknown) => error)
    await new Promise((resolve) => setTimeout(resolve, 30))
    await link.close()
    expect(await read).toBeInstanceOf(KnxLinkClosedError)
    expect(await write).toBeInstanceOf(KnxLinkClosedError)
    expect(gateway.tunnels).toBe(0)
    await expect(link.write(SWITCH, on)).rejects.toThrow(KnxLinkClosedError)
  })

  it('ends at once while no gateway answers', async () => {
    const { gateway, port } = await startGateway()
    gateway.faults.silent = true
    const link = newLink(port)
    const opened = link.open().catch((error: unknown) => error)
    await new Promise((resolve) => setTimeout(resolve, 30))
    const startMs = performance.now()
    await link.close()
    expect(performance.now() - startMs).toBeLessThan(500)
    expect(await opened).toBeInstanceOf(KnxLinkClosedError)
  })
})
