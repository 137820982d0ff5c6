import type { Logger } from '../common/log.ts'
import type { MqttEndpoint } from '../connectors/mqtt/client.ts'
import { EmbeddedBroker } from '../connectors/mqtt/embedded-broker.ts'
import type { Closing } from './program.ts'
import type { BuildingSettings } from './settings.ts'

/** The MQTT broker of the settings, or one that is started here. */
export async function openMqtt(
  settings: BuildingSettings,
  clientId: string,
  closing: Closing,
  log: Logger,
): Promise<MqttEndpoint> {
  const { mqttUrl, mqttUsername: username, mqttPassword: password, mqttCa, mqttCert, mqttKey } = settings
  const login = username === undefined ? {} : { username, ...(password === undefined ? {} : { password }) }
  if (mqttUrl !== undefined) {
    const tls = pems({ ca: mqttCa, cert: mqttCert, key: mqttKey })
    return { url: mqttUrl, clientId, ...login, ...(Object.keys(tls).length > 0 ? { tls } : {}) }
  }
  const broker = new EmbeddedBroker({
    dataDir: settings.dataDir,
    host: settings.mqttHost,
    port: settings.mqttPort,
    ...(settings.mqttWebsocketPort === undefined ? {} : { websocketPort: settings.mqttWebsocketPort }),
    ...(username !== undefined && password !== undefined ? { credentials: { username, password } } : {}),
    logger: log,
  })
  await broker.start()
  closing.add('the MQTT broker', () => broker.stop())
  return { url: broker.url, clientId, ...login }
}

function pems(texts: Readonly<Record<string, string | undefined>>): NonNullable<MqttEndpoint['tls']> {
  return Object.fromEntries(
    Object.entries(texts).flatMap(([name, text]) => (text === undefined ? [] : [[name, Buffer.from(text)]])),
  )
}
