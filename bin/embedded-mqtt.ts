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
  const { mqttUrl, mqttUsername: username, mqttPassword: password } = settings
  const login = username === undefined ? {} : { username, ...(password === undefined ? {} : { password }) }
  if (mqttUrl !== undefined) return { url: mqttUrl, clientId, ...login }
  const broker = new EmbeddedBroker({
    dataDir: settings.dataDir,
    host: settings.mqttHost,
    port: settings.mqttPort,
    ...(username !== undefined && password !== undefined ? { credentials: { username, password } } : {}),
    logger: log,
  })
  await broker.start()
  closing.add('the MQTT broker', () => broker.stop())
  return { url: broker.url, clientId, ...login }
}
