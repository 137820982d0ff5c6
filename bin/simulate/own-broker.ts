import type { Logger } from '../../common/log.ts'
import { EmbeddedBroker } from '../../connectors/mqtt/embedded-broker.ts'
import type { Removable } from './fault-kinds.ts'

export interface OwnBrokerOptions {
  readonly dataDir: string
  readonly host: string
  /** 0 takes a free port, and keeps it. */
  readonly port: number
  readonly credentials?: { readonly username: string; readonly password: string }
  readonly logger: Logger
}

/** The simulation's own MQTT broker: goes and comes back on the same port with the sessions that it had. */
export class OwnBroker implements Removable {
  readonly #options: OwnBrokerOptions
  #broker: EmbeddedBroker

  constructor(options: OwnBrokerOptions) {
    this.#options = options
    this.#broker = new EmbeddedBroker(options)
  }

  /** Where it is, once it has been given. */
  get url(): string {
    return this.#broker.url
  }

  /** @throws {MqttPortTakenError} {MqttDataLockedError} */
  async giveBack(): Promise<void> {
    const port = this.#broker.port || this.#options.port
    this.#broker = new EmbeddedBroker({ ...this.#options, port })
    await this.#broker.start()
  }

  async take(): Promise<void> {
    await this.#broker.stop()
  }
}
