import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { GatewaySimulator } from './gateway-simulator.ts'
import { Knxd, tunnelClientTo } from './testing/knxd.ts'
import { PrivateNetwork } from './testing/private-network.ts'

const SCENARIO = fileURLToPath(new URL('./testing/knxd-scenario.ts', import.meta.url))
interface Report {
  addresses: [number, number]
  read: number[]
  readBack: number
  after: number
  seen: string[]
  states: string[]
  connectMs: number
  readTookMs: number
  noticedMs: number
  confirmedMs: number
}

async function runScenario(): Promise<{ report: Report; exitCode: number | null }> {
  const network = await PrivateNetwork.open()
  const [program, ...args] = [...network.prefix, process.execPath, SCENARIO]
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 45_000 })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (bytes: Buffer) => {
    stdout += bytes.toString()
  })
  child.stderr.on('data', (bytes: Buffer) => {
    stderr += bytes.toString()
  })
  const [exitCode] = (await once(child, 'close')) as [number | null]
  await network.close()
  if (!stdout.includes('{'))
    throw new Error(/^Error: (.*)/m.exec(stderr)?.[1] ?? `the scenario said: ${stderr}${stdout}`)
  return { report: JSON.parse(stdout) as Report, exitCode }
}

describe('KNX links and a real knxd', () => {
  it('read, write and answer over two tunnels, and survive its death and return', { timeout: 60_000 }, async () => {
    const { report, exitCode } = await runScenario()
    expect(new Set(report.addresses).size).toBe(2)
    expect(report.read).toEqual([40, 1, 21.5])
    expect(report.readBack).toBe(75)
    expect(report.seen.slice(0, 4)).toEqual(['1/0/1=octets bf', '1/0/3=bits 00', '1/0/1=octets 80', '1/0/3=bits 01'])
    expect(report.states).toEqual(['up', 'down', 'up'])
    expect(report.noticedMs).toBeLessThan(5_000)
    expect(report.confirmedMs).toBeLessThan(5_000)
    expect(report.after).toBe(11)
    expect(exitCode).toBe(0)
    console.log(
      `knxd: connect ${report.connectMs.toFixed(0)} ms, read ${report.readTookMs.toFixed(0)} ms, death noticed after ` +
        `${report.noticedMs.toFixed(0)} ms, pending write confirmed ${report.confirmedMs.toFixed(0)} ms after its return`,
    )
  })
})

describe('the simulated gateway and a real knxd as its client', () => {
  const closers: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })

  it('takes writes, answers reads and reports through knxd and knxtool', { timeout: 20_000 }, async () => {
    const gateway = new GatewaySimulator({
      datapoints: [
        { write: '1/0/1', status: '1/0/2', dpt: '5.001', initial: 40 },
        { write: '1/1/1', status: '1/1/2', dpt: '1.001' },
      ],
    })
    const { port } = await gateway.start()
    closers.push(() => gateway.stop())
    const knxd = await Knxd.start(tunnelClientTo(port))
    closers.push(() => knxd.remove())
    await vi.waitFor(() => expect(gateway.tunnels).toBe(1), { timeout: 5_000 })
    const writes: string[] = []
    gateway.onWrite((address, value) => writes.push(`${address}=${value}`))
    await knxd.tool('groupswrite', '1/1/1', '1')
    await knxd.tool('groupwrite', '1/0/1', 'bf')
    await vi.waitFor(() => expect(writes).toEqual(['1/1/1=1', '1/0/1=75']))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(await knxd.tool('groupreadresponse', '1/0/2')).toContain('Response from 1.1.1: BF')
    expect(gateway.tunnels).toBe(1)
  })
})
