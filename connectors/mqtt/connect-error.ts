import { MqttRefusedError, MqttTlsError, MqttUnavailableError } from './errors.ts'

/** Codes of Node for a certificate that is not trusted. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'CERT_SIGNATURE_FAILURE',
])

/** What MQTT 3.1.1 and MQTT 5 say of a login that is not right. */
const BAD_LOGIN: ReadonlySet<number> = new Set([0x04, 0x05, 0x86, 0x87])

/** Why no connection to `url` (shown as it is: without a password) came about, and what would help. */
export function connectError(url: string, error: Error & { code?: unknown }): Error {
  const { code, message } = error
  if (typeof code === 'number') {
    const wayOut = BAD_LOGIN.has(code) ? ': check BROOK_MQTT_USERNAME and BROOK_MQTT_PASSWORD' : ''
    return new MqttRefusedError(`${url} refused the connection: ${message}${wayOut}`, code)
  }
  const told = message || String(code)
  const name = String(code)
  if (UNTRUSTED.has(name))
    return tls(`the certificate of ${url} is not trusted (${told}): name its CA in BROOK_MQTT_CA_FILE`, error)
  if (name === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return tls(
      `the certificate of ${url} is for another name (${told}): use a name that it has in BROOK_MQTT_URL`,
      error,
    )
  if (name === 'CERT_HAS_EXPIRED' || name === 'CERT_NOT_YET_VALID')
    return tls(`the certificate of ${url} is out of its time (${told}): renew it, or set the clock right`, error)
  if (/ALERT/.test(name))
    return tls(
      `${url} ended the TLS handshake (${told}): it may ask for a certificate of ours (BROOK_MQTT_CERT_FILE, BROOK_MQTT_KEY_FILE)`,
      error,
    )
  const wasReset = name === 'ECONNRESET' && /^(mqtts|wss):/.test(url)
  if (wasReset || name === 'EPROTO' || name.startsWith('ERR_SSL'))
    return tls(`${url} does not speak TLS as we do (${told}): check scheme and port of BROOK_MQTT_URL`, error)
  return new MqttUnavailableError(`no MQTT broker answers at ${url}: ${told}`, { cause: error })
}

function tls(message: string, cause: Error): MqttTlsError {
  return new MqttTlsError(message, { cause })
}
