import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { silentLogger } from '../common/log.ts'
import type { MqttEndpoint } from '../connectors/mqtt/client.ts'
import { openPublisher } from '../connectors/mqtt/client.ts'
import { MqttConnector } from '../connectors/mqtt/connector.ts'
import { TopicMapping } from '../connectors/mqtt/mapping.ts'
import { fakePublishing, json, READINGS } from '../connectors/testing/fixtures.ts'
import type { Reading } from '../schemas/types.ts'
import { MosquittoServer } from '../scripts/servers/mosquitto.ts'
import { run } from '../scripts/servers/run.ts'
import { CertificateAuthority, type CertificatePaths } from '../test/support/certificates.ts'
import { openMqtt } from './embedded-mqtt.ts'
import { Closing } from './program.ts'
import { loadBuildingSettings } from './settings.ts'

const PASSWORD = 'a secret of the test'
/** The further listeners of the broker, in this order. */
const LISTENERS = [
  'mqtts',
  'wss',
  'mqtts that wants a certificate',
  'wss that wants a certificate',
  'wrong name',
] as const
type Listener = (typeof LISTENERS)[number]

let directory: string
let mosquitto: MosquittoServer
let authority: CertificateAuthority
let stranger: CertificateAuthority
let ours: CertificatePaths
let theirs: CertificatePaths
const connectors: MqttConnector[] = []

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-mqtt-tls-'))
  authority = await CertificateAuthority.create(directory, 'authority')
  stranger = await CertificateAuthority.create(directory, 'stranger')
  const server = await authority.issue('server', 'IP:127.0.0.1')
  const elsewhere = await authority.issue('elsewhere', 'DNS:elsewhere.example')
  ours = await authority.issue('ours', 'DNS:brook')
  theirs = await stranger.issue('theirs', 'DNS:brook')
  const passwords = join(directory, 'passwords')
  await run('mosquitto_passwd', ['-c', '-b', passwords, 'brook', PASSWORD])
  await writeFile(join(directory, 'password'), `${PASSWORD}\n`)
  await writeFile(join(directory, 'wrong-password'), 'another\n')
  const tls = ({ certificate, key }: CertificatePaths) => [
    `certfile ${certificate}`,
    `keyfile ${key}`,
    `cafile ${authority.path}`,
  ]
  const mutual = ['require_certificate true']
  mosquitto = await MosquittoServer.start({
    directory: join(directory, 'mosquitto'),
    settings: ['allow_anonymous false', `password_file ${passwords}`],
    listeners: [
      tls(server),
      ['protocol websockets', ...tls(server)],
      [...tls(server), ...mutual],
      ['protocol websockets', ...tls(server), ...mutual],
      tls(elsewhere),
    ],
  })
}, 60_000)

afterEach(async () => {
  await Promise.all(connectors.splice(0).map((connector) => connector.stop()))
})

afterAll(async () => {
  await mosquitto?.stop()
  await rm(directory, { recursive: true, force: true })
})

function urlOf(listener: Listener | 'mqtt' | 'ws'): string {
  if (listener === 'mqtt') return mosquitto.url
  if (listener === 'ws') return mosquitto.websocketUrl
  const scheme = listener.startsWith('wss') ? 'wss' : 'mqtts'
  return `${scheme}://127.0.0.1:${mosquitto.listenerPorts[LISTENERS.indexOf(listener)]}`
}

type Variables = Readonly<Record<string, string>>

/** As the programs do it: environment, settings, endpoint. */
function endpointOf(variables: Variables): Promise<MqttEndpoint> {
  const login = { BROOK_MQTT_USERNAME: 'brook', BROOK_MQTT_PASSWORD_FILE: join(directory, 'password') }
  const { settings } = loadBuildingSettings([], { ...login, ...variables })
  return openMqtt(settings, 'brook-mqtt', new Closing(silentLogger), silentLogger)
}

async function connect(variables: Variables) {
  const { publisher, status, log } = fakePublishing()
  const endpoint = await endpointOf(variables)
  const connector = new MqttConnector({ endpoint, mapping: new TopicMapping(), publisher, status })
  connectors.push(connector)
  return { started: connector.start(), connector, log }
}

const trusted = (): Variables => ({ BROOK_MQTT_CA_FILE: authority.path })
const shown = ({ certificate, key }: CertificatePaths): Variables => ({
  BROOK_MQTT_CERT_FILE: certificate,
  BROOK_MQTT_KEY_FILE: key,
})

describe('a message goes from the broker to the log over', () => {
  test.each([
    ['mqtt', () => ({})],
    ['ws', () => ({})],
    ['mqtts', trusted],
    ['wss', trusted],
    ['mqtts that wants a certificate', () => ({ ...trusted(), ...shown(ours) })],
    ['wss that wants a certificate', () => ({ ...trusted(), ...shown(ours) })],
  ] as const)('%s', async (listener, variables) => {
    const { started, connector, log } = await connect({ BROOK_MQTT_URL: urlOf(listener), ...variables() })
    await started
    expect(connector.status().state).toBe('running')
    const sender = await openPublisher({ ...(await endpointOf({ BROOK_MQTT_URL: mosquitto.url })), clientId: 'sender' })
    const value = Math.round(Math.random() * 1000)
    await sender.publish('building/r1/d1/luminance', JSON.stringify({ value }))
    await sender.close()
    await vi.waitFor(() => expect(log.in(READINGS).map((record) => json<Reading>(record.value).value)).toEqual([value]))
  })
})

describe('refused, with what would help:', () => {
  test.each([
    ['an authority that is not known', 'mqtts', () => ({}), 'MQTT_TLS', 'BROOK_MQTT_CA_FILE'],
    ['an authority that is not known, by websocket', 'wss', () => ({}), 'MQTT_TLS', 'BROOK_MQTT_CA_FILE'],
    ['a wrong authority', 'mqtts', () => ({ BROOK_MQTT_CA_FILE: stranger.path }), 'MQTT_TLS', 'is not trusted'],
    [
      'a wrong authority, by websocket',
      'wss',
      () => ({ BROOK_MQTT_CA_FILE: stranger.path }),
      'MQTT_TLS',
      'is not trusted',
    ],
    ['a certificate for another name', 'wrong name', trusted, 'MQTT_TLS', 'is for another name'],
    ['no certificate of ours', 'mqtts that wants a certificate', trusted, 'MQTT_TLS', 'BROOK_MQTT_CERT_FILE'],
    [
      'a certificate of ours that is not trusted',
      'mqtts that wants a certificate',
      () => ({ ...trusted(), ...shown(theirs) }),
      'MQTT_TLS',
      'BROOK_MQTT_CERT_FILE',
    ],
    [
      'a wrong password',
      'mqtt',
      () => ({ BROOK_MQTT_PASSWORD_FILE: join(directory, 'wrong-password') }),
      'MQTT_REFUSED',
      'check BROOK_MQTT_USERNAME',
    ],
    [
      'no login',
      'ws',
      () => ({ BROOK_MQTT_USERNAME: '', BROOK_MQTT_PASSWORD_FILE: '' }),
      'MQTT_REFUSED',
      'check BROOK_MQTT_USERNAME',
    ],
  ] as const)('%s', async (_, listener, variables, code, wayOut) => {
    const url = urlOf(listener)
    const { started, connector } = await connect({ BROOK_MQTT_URL: url, ...variables() })
    const error = await started.then(
      () => undefined,
      (thrown: unknown) => thrown as Error & { code: string },
    )
    expect(error?.message).toContain(url)
    expect(error?.message).toContain(wayOut)
    expect(error?.code).toBe(code)
    expect(connector.status()).toMatchObject({ state: 'failed', lastError: error?.message })
  })

  test('TLS where the broker speaks none', async () => {
    const { started } = await connect({ BROOK_MQTT_URL: mosquitto.url.replace('mqtt:', 'mqtts:'), ...trusted() })
    await expect(started).rejects.toThrow('check scheme and port of BROOK_MQTT_URL')
  })
})

test('a password in the URL is in no error', async () => {
  const { started } = await connect({
    BROOK_MQTT_URL: `mqtt://brook:${encodeURIComponent('hush hush')}@127.0.0.1:${mosquitto.port}`,
    BROOK_MQTT_USERNAME: '',
    BROOK_MQTT_PASSWORD_FILE: '',
  })
  const error = await started.catch((thrown: unknown) => thrown as Error)
  expect(error).toBeInstanceOf(Error)
  expect((error as Error).message).not.toContain('hush')
})
