import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { MosquittoServer } from '../../scripts/servers/mosquitto.ts'
import { fakePublishing, READINGS } from '../testing/fixtures.ts'
import { openPublisher } from './client.ts'
import { MqttConnector } from './connector.ts'
import { TopicMapping } from './mapping.ts'

test('a broker that has lost our session in a crash is subscribed to again', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'brook-mosquitto-'))
  // As Mosquitto is by default: what it keeps in memory is written every half hour.
  const settings = ['allow_anonymous true', 'autosave_on_changes false', 'autosave_interval 1800']
  const mosquitto = await MosquittoServer.start({ directory, settings })
  const { log, publisher, status } = fakePublishing()
  const endpoint = { url: mosquitto.url, clientId: 'brook-mqtt' }
  const backoff = { baseMs: 50, capMs: 200 }
  const connector = new MqttConnector({ endpoint, mapping: new TopicMapping(), publisher, status, backoff })
  const publish = async () => {
    const sender = await openPublisher({ url: mosquitto.url, clientId: 'sender' })
    await sender.publish('building/r1/d1/luminance', '{"value": 1}')
    await sender.close()
  }
  try {
    await connector.start()
    await publish()
    await vi.waitFor(() => expect(log.in(READINGS)).toHaveLength(1))
    await mosquitto.kill()
    await vi.waitFor(() => expect(connector.status().state).toBe('connecting'))
    await mosquitto.restart()
    await vi.waitFor(() => expect(connector.status()).toMatchObject({ state: 'running', reconnects: 1 }), 5_000)
    await publish()
    await vi.waitFor(() => expect(log.in(READINGS)).toHaveLength(2))
  } finally {
    await connector.stop()
    await mosquitto.kill()
    await rm(directory, { recursive: true, force: true, maxRetries: 5 })
  }
})
