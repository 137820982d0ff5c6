import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { MosquittoServer } from '../../../scripts/servers/mosquitto.ts'
import type { MqttAppOptions } from '../jobs/mqtt-app.ts'
import type { LoadOptions } from '../jobs/mqtt-load.ts'
import type { MqttCase } from './cases.ts'
import type { Measured } from './measured.ts'

const APP = join(import.meta.dirname, '..', 'jobs', 'mqtt-app.ts')
const LOAD = join(import.meta.dirname, '..', 'jobs', 'mqtt-load.ts')
const DEVICES = 1_000
const WINDOW = 2_000
/** Mosquitto as it is set up by default: what it keeps is written every half hour, not at each change. */
const MOSQUITTO = ['allow_anonymous true', 'autosave_on_changes false', 'autosave_interval 1800']

/** Sensors, a real broker, the connector and Kafka, each a process of its own; CPU is the connector's. */
export async function runMqtt({ broker }: MqttCase, brokers: string, records: number): Promise<Measured> {
  const directory = await mkdtemp(join(tmpdir(), 'brook-bench-mqtt-'))
  const mosquitto = broker === 'mosquitto' ? await MosquittoServer.start({ directory, settings: MOSQUITTO }) : undefined
  const children: ChildProcess[] = []
  try {
    const options: MqttAppOptions = { brokers, dataDir: directory, records, ...(mosquitto && { port: mosquitto.port }) }
    const app = program(APP, options, children)
    const port = Number(await app.line())
    const load: LoadOptions = { port, messages: records, devices: DEVICES, window: WINDOW }
    const sensors = program(LOAD, load, children)
    const [measured] = await Promise.all([app.line(), app.ended, sensors.ended])
    return JSON.parse(measured) as Measured
  } finally {
    for (const child of children) child.kill('SIGKILL')
    await mosquitto?.kill()
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  }
}

function program(file: string, options: object, children: ChildProcess[]) {
  const child = spawn(process.execPath, [file, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = once(child, 'exit').then(([code]) => {
    if (code !== 0) throw new Error(`${file} ended with ${code}`)
  })
  ended.catch(() => {})
  return {
    ended,
    async line(): Promise<string> {
      const { value, done } = await lines.next()
      if (done) await ended
      return String(value)
    },
  }
}
