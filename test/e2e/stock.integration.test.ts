import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPublisher } from '../../connectors/mqtt/client.ts'
import { ensureParts, findProgram } from '../../scripts/servers/apt.ts'
import { MosquittoServer } from '../../scripts/servers/mosquitto.ts'
import { freePorts } from '../../scripts/servers/ports.ts'
import { BuildingProcess, cleanUp, freshDirectory } from './building-process.ts'
import { eventually } from './eventually.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const PRODUCT = `bolt-${randomUUID().slice(0, 8)}`

let mosquitto: MosquittoServer
let settings: Record<string, string>
let connector: BuildingProcess
let application: ChildProcess
let browser: Browser
let page: Page
let url: string

/** The chain of `examples/stock`: a page in a browser, Mosquitto, the connector, Kafka, and the application that counts. */
beforeAll(async () => {
  await ensureParts(['chromium'])
  const brokers = process.env['BROOK_TEST_BROKERS'] as string
  mosquitto = await MosquittoServer.start({ directory: join(freshDirectory(), 'mosquitto') })
  const [httpPort, stockPort] = await freePorts(2)
  settings = {
    BROOK_APPLICATION_ID: PRODUCT,
    BROOK_KAFKA_BROKERS: brokers,
    BROOK_SCHEMA_REGISTRY: process.env['BROOK_TEST_REGISTRY'] as string,
    BROOK_DATA_DIR: freshDirectory(),
    BROOK_HTTP_PORT: String(httpPort),
    BROOK_MQTT_URL: mosquitto.url,
    BROOK_MQTT_MAPPING: 'examples/stock/mapping.yaml',
    BROOK_MQTT_SHARDS: '2',
    BROOK_SIMULATE: 'none',
  }
  url = `http://127.0.0.1:${stockPort}`
  application = spawn(process.execPath, ['examples/stock/run.ts'], {
    cwd: ROOT,
    env: { ...process.env, BROOK_KAFKA_BROKERS: brokers, STOCK_PORT: String(stockPort) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  connector = startConnector()
  const executablePath = (await findProgram('chromium')) as string
  const launched = chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  })
  browser = await launched
  page = await browser.newPage()
  await Promise.all([
    connector.ready(),
    eventually('the application serves', async () => (await stock()) === 0 || undefined, 60_000),
  ])
  await page.goto(`${url}/?broker=${encodeURIComponent(mosquitto.websocketUrl)}`)
}, 120_000)

afterAll(async () => {
  await browser?.close()
  if (application) await stopped(application)
  await cleanUp()
  await mosquitto?.stop()
})

const startConnector = () => BuildingProcess.spawn({ program: 'connectors', args: ['mqtt'], env: settings })

async function stock(): Promise<number> {
  const answer = await fetch(`${url}/stock/${PRODUCT}`)
  if (!answer.ok) throw new Error(`the application answers ${answer.status}`)
  return ((await answer.json()) as { pieces: number }).pieces
}

function stopped(child: ChildProcess): Promise<unknown> {
  if (child.exitCode !== null) return Promise.resolve()
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  return exited
}

async function change(delta: number): Promise<void> {
  await page.locator('[name=product]').fill(PRODUCT)
  await page.locator('[name=delta]').fill(String(delta))
  await page.locator('#state').evaluate((state) => {
    state.textContent = ''
  })
  await page.getByRole('button', { name: 'Change' }).click()
  await page.getByText('The broker has it.').waitFor()
}

const shows = (pieces: number) =>
  page
    .locator('#pieces')
    .filter({ hasText: new RegExp(`^${pieces}$`) })
    .waitFor({ timeout: 15_000 })

test('a person changes a stock in a browser, and sees that it has been counted', async () => {
  await change(10)
  await shows(10)
  await change(-3)
  await shows(7)
})

test('what is changed while the connector is killed counts when it is back', async () => {
  await connector.kill()
  await change(5)
  connector = startConnector()
  await connector.ready()
  await shows(12)
})

test('a change that comes twice counts once, and what is no change stops nobody', async () => {
  const sender = await openPublisher({ url: mosquitto.websocketUrl, clientId: 'sender' })
  const topic = `shop/stock/${PRODUCT}`
  const twice = JSON.stringify({ changeId: randomUUID(), delta: 30 })
  for (const payload of [twice, 'no JSON', twice, '{"delta":1}', JSON.stringify({ changeId: randomUUID(), delta: 1 })])
    await sender.publish(topic, payload)
  await sender.close()
  await shows(43)
  expect(await stock()).toBe(43)
  const { body } = await connector.get<{ connectors: { name: string }[] }>('/v1/connectors')
  expect(body.connectors.map(({ name }) => name)).toEqual(['mqtt-1', 'mqtt-2'])
  await eventually('the dead letter is counted', async () => {
    const metrics = await (await fetch(`${connector.url}/metrics`)).text()
    return metrics.includes('brook_connector_dead_letters_total{connector="mqtt-1"} 1') || undefined
  })
})
