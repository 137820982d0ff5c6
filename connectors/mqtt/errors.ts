import { BrookError } from '../../common/errors.ts'

/** The broker cannot be reached, or the connection to it is lost. Try again. */
export class MqttUnavailableError extends BrookError {
  readonly code = 'MQTT_UNAVAILABLE'
  readonly domain = 'external'
  readonly recovery = 'retry'
}

/** The broker answered the CONNECT or SUBSCRIBE with a refusal; `reasonCode` is MQTT's. */
export class MqttRefusedError extends BrookError {
  readonly code = 'MQTT_REFUSED'
  readonly domain = 'user'
  readonly recovery = 'retry'
  readonly reasonCode: number

  constructor(message: string, reasonCode: number) {
    super(message)
    this.reasonCode = reasonCode
  }
}

/** TLS with the broker does not come about: its certificate is not trusted, or it does not trust ours. */
export class MqttTlsError extends BrookError {
  readonly code = 'MQTT_TLS'
  readonly domain = 'user'
  readonly recovery = 'retry'
}

/** The embedded broker cannot listen because something else does. */
export class MqttPortTakenError extends BrookError {
  readonly code = 'MQTT_PORT_TAKEN'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** The embedded broker's data directory is in use by another process. */
export class MqttDataLockedError extends BrookError {
  readonly code = 'MQTT_DATA_LOCKED'
  readonly domain = 'user'
  readonly recovery = 'stop'
}
