import { setTimeout as sleep } from 'node:timers/promises'
import { formatGroupAddress, parseGroupAddress } from '../addresses.ts'
import { dptOf } from '../dpt.ts'
import { KnxLink } from '../knx-link.ts'
import { Knxd, TUNNEL_SERVER } from './knxd.ts'

/**
 * Two tunnels to a real knxd on this network's port 3671: one plays the application, one an actuator. Prints one JSON object of
 * what was seen, closes everything and must then end by itself.
 */
const POSITION = parseGroupAddress('1/0/1')
const SWITCH = parseGroupAddress('1/0/3')
const TEMPERATURE = parseGroupAddress('1/0/4')
const percent = dptOf('5.001')
const bit = dptOf('1.001')
const celsius = dptOf('9.001')

const knxd = await Knxd.start(TUNNEL_SERVER)
const states: string[] = []
const seen: string[] = []
const values = new Map([
  [POSITION, percent.encode(40)],
  [SWITCH, bit.encode(1)],
  [TEMPERATURE, celsius.encode(21.5)],
])
const options = { host: '127.0.0.1', backoff: { baseMs: 200 } }
const application = new KnxLink(options, { onState: (up) => states.push(up ? 'up' : 'down') })
let actuatorTunnels = 0
const actuator: KnxLink = new KnxLink(options, {
  onState: (up) => {
    if (up) actuatorTunnels++
  },
  onTelegram: ({ service, destination, payload }) => {
    if (service === 'GroupValue_Write') {
      values.set(destination, payload)
      seen.push(
        `${formatGroupAddress(destination)}=${payload.short ? 'bits' : 'octets'} ${payload.data.toString('hex')}`,
      )
    }
    const value = values.get(destination)
    if (service === 'GroupValue_Read' && value) actuator.respond(destination, value).catch(() => {})
  },
})

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 500) throw new Error('what was waited for did not come within 10 s')
    await sleep(20)
  }
}

try {
  const openedMs = performance.now()
  await Promise.all([application.open(), actuator.open()])
  const connectMs = performance.now() - openedMs
  const addresses = [application.individualAddress, actuator.individualAddress]

  const readMs = performance.now()
  const first = percent.decode(await application.read(POSITION))
  const readTookMs = performance.now() - readMs
  const read = [first, bit.decode(await application.read(SWITCH)), celsius.decode(await application.read(TEMPERATURE))]

  await Promise.all([application.write(POSITION, percent.encode(75)), application.write(SWITCH, bit.encode(0))])
  await until(() => seen.length === 2)
  const readBack = percent.decode(await application.read(POSITION))
  await knxd.tool('groupwrite', '1/0/1', '80')
  await knxd.tool('groupswrite', '1/0/3', '1')
  await until(() => seen.length === 4)

  await knxd.kill()
  const killedMs = performance.now()
  const write = application.write(POSITION, percent.encode(10))
  await until(() => states.includes('down'))
  const noticedMs = performance.now() - killedMs
  await sleep(1_000)
  await knxd.resume()
  const backMs = performance.now()
  await write
  const confirmedMs = performance.now() - backMs
  // Its old tunnel seems to stand until the next heartbeat.
  await until(() => actuatorTunnels === 2)
  await application.write(POSITION, percent.encode(11))
  await until(() => seen.at(-1) === '1/0/1=octets 1c')
  const after = percent.decode(await application.read(POSITION))
  await Promise.all([application.close(), actuator.close()])
  const report = { addresses, read, readBack, after, seen, states, connectMs, readTookMs, noticedMs, confirmedMs }
  process.stdout.write(`${JSON.stringify(report)}\n`)
} finally {
  await knxd.remove()
}
