import { describe, expect, test } from 'vitest'
import { ConfigError } from '../common/errors.ts'
import { loadBuildingSettings } from './settings.ts'

const TOKEN = 'a-token-of-16-characters'
const PEM = '-----BEGIN CERTIFICATE-----'

const problemsOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadBuildingSettings([], env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

describe('the settings of the building', () => {
  test('nothing has to be set', () => {
    expect(loadBuildingSettings([], {}).settings).toMatchObject({
      httpPort: 8080,
      httpHost: '127.0.0.1',
      mqttPort: 1883,
      dataDir: 'data',
      simulate: 'house',
      kafkaBrokers: undefined,
      schemaRegistry: undefined,
      logLevel: 'info',
    })
  })

  test.each([
    ['BROOK_SIMULATE', 'none', 'simulate', 'none'],
    ['BROOK_SIMULATE', '300', 'simulate', 300],
    ['BROOK_KNX_GATEWAY', '10.0.0.7', 'knxGateway', { host: '10.0.0.7', port: 3671 }],
    ['BROOK_KNX_GATEWAY', 'knx.local:4000', 'knxGateway', { host: 'knx.local', port: 4000 }],
    ['BROOK_ZWAVE_PORT', '/dev/ttyACM0', 'zwavePort', '/dev/ttyACM0'],
    ['BROOK_ZWAVE_PORT', 'tcp://127.0.0.1:7070', 'zwavePort', 'tcp://127.0.0.1:7070'],
    ['BROOK_MQTT_MAPPING', 'examples/stock/mapping.yaml', 'mqttMapping', 'examples/stock/mapping.yaml'],
    ['BROOK_TIME_ZONE', 'America/Lima', 'timeZone', 'America/Lima'],
  ])('%s=%s is understood', (env, value, name, expected) => {
    const settings: Readonly<Record<string, unknown>> = loadBuildingSettings([], { [env]: value }).settings
    expect(settings[name]).toEqual(expected)
  })

  test.each([
    [{ BROOK_SIMULATE: 'villa' }, /BROOK_SIMULATE must be house, none or a number of rooms/],
    [{ BROOK_SIMULATE: '0' }, /BROOK_SIMULATE/],
    [{ BROOK_KNX_GATEWAY: 'a:b' }, /BROOK_KNX_GATEWAY must be host or host:port/],
    [{ BROOK_KNX_GATEWAY: 'a:70000' }, /BROOK_KNX_GATEWAY/],
    [{ BROOK_ZWAVE_PORT: 'stick' }, /BROOK_ZWAVE_PORT/],
    [{ BROOK_TIME_ZONE: 'Mars/Base' }, /BROOK_TIME_ZONE/],
    [{ BROOK_APPLICATION_ID: 'a b' }, /BROOK_APPLICATION_ID/],
    [{ BROOK_KAFKA_BROKERS: 'localhost', BROOK_SCHEMA_REGISTRY: 'http://r' }, /BROOK_KAFKA_BROKERS must be host:port/],
    [{ BROOK_KAFKA_BROKERS: 'k:9092' }, /BROOK_SCHEMA_REGISTRY is required with BROOK_KAFKA_BROKERS/],
    [{ BROOK_HTTP_HOST: '0.0.0.0' }, /BROOK_HTTP_TOKEN is required/],
    [{ BROOK_HTTP_TOKEN: 'short' }, /BROOK_HTTP_TOKEN must have at least 16 characters/],
    [
      { BROOK_MQTT_HOST: '0.0.0.0', BROOK_MQTT_USERNAME: 'a' },
      /BROOK_MQTT_USERNAME and BROOK_MQTT_PASSWORD are required/,
    ],
    [{ BROOK_MQTT_PASSWORD: 'a' }, /without BROOK_MQTT_USERNAME/],
    [
      { BROOK_MQTT_MAPPING: '/nowhere.yaml' },
      /BROOK_MQTT_MAPPING is no mapping that can be used:\n.*\/nowhere\.yaml cannot be/,
    ],
    [{ BROOK_MQTT_MAPPING: import.meta.filename }, /settings\.test\.ts/],
    [{ BROOK_MQTT_CA: 'x', BROOK_MQTT_URL: 'mqtts://b' }, /BROOK_MQTT_CA must hold a certificate in PEM form$/],
    [{ BROOK_MQTT_CA: PEM, BROOK_MQTT_URL: 'mqtt://b' }, /for a BROOK_MQTT_URL that begins with mqtts:\/\/ or wss:/],
    [{ BROOK_MQTT_CERT: PEM, BROOK_MQTT_URL: 'wss://b' }, /go together: one of them is missing/],
    [{ BROOK_MQTT_SHARDS: '0' }, /BROOK_MQTT_SHARDS must be a whole number between 1 and 64/],
    [{ BROOK_MQTT_SHARDS: '2', BROOK_MQTT_SHARD: '3' }, /BROOK_MQTT_SHARD is 3, but there are 2/],
    [{ BROOK_MQTT_SHARD_BY: 'shared-subscriptions' }, /needs a broker of your own \(BROOK_MQTT_URL\)/],
    [{ BROOK_KAFKA_SASL_MECHANISM: 'plain' }, /needs BROOK_KAFKA_SASL_USERNAME/],
    [{ BROOK_KAFKA_SASL_USERNAME: 'a' }, /without BROOK_KAFKA_SASL_MECHANISM/],
    [{ BROOK_KAFKA_SSL_CA: 'x', BROOK_KAFKA_SSL: 'true' }, /certificate in PEM form/],
  ])('%o is refused', (env, message) => {
    const problems = problemsOf(env as unknown as Record<string, string>)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(message)
  })

  test('an address that others can reach is allowed with a token', () => {
    expect(problemsOf({ BROOK_HTTP_HOST: '0.0.0.0', BROOK_HTTP_TOKEN: TOKEN })).toEqual([])
  })

  test('a variable with a slip gives a warning, one of the tools does not', () => {
    const { warnings } = loadBuildingSettings([], { BROOK_HTTP_PROT: '1', BROOK_CACHE_DIR: 'x' })
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain('did you mean BROOK_HTTP_PORT?')
  })
})
