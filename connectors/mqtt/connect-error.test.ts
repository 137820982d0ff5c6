import { expect, test } from 'vitest'
import { connectError } from './connect-error.ts'

const failed = (code: unknown, message = 'told') => Object.assign(new Error(message), { code })

test.each([
  [failed(0x05), 'MQTT_REFUSED', 'check BROOK_MQTT_USERNAME and BROOK_MQTT_PASSWORD'],
  [failed(0x03), 'MQTT_REFUSED', 'mqtts://b refused the connection: told'],
  [failed('SELF_SIGNED_CERT_IN_CHAIN'), 'MQTT_TLS', 'name its CA in BROOK_MQTT_CA_FILE'],
  [failed('ERR_TLS_CERT_ALTNAME_INVALID'), 'MQTT_TLS', 'is for another name'],
  [failed('CERT_HAS_EXPIRED'), 'MQTT_TLS', 'renew it'],
  [failed('ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED'), 'MQTT_TLS', 'BROOK_MQTT_CERT_FILE'],
  [failed('EPROTO'), 'MQTT_TLS', 'check scheme and port'],
  [failed('ECONNRESET'), 'MQTT_TLS', 'check scheme and port'],
  [failed('ECONNREFUSED'), 'MQTT_UNAVAILABLE', 'no MQTT broker answers at mqtts://b: told'],
  [failed('ECONNREFUSED', ''), 'MQTT_UNAVAILABLE', 'ECONNREFUSED'],
])('%o is %s', (error, code, text) => {
  const explained = connectError('mqtts://b', error)
  expect(explained).toMatchObject({ code })
  expect(explained.message).toContain(text)
})

test('a connection without TLS that is reset is a broker that is away', () => {
  expect(connectError('mqtt://b', failed('ECONNRESET'))).toMatchObject({ code: 'MQTT_UNAVAILABLE' })
})
