import { createServer, type Server, type Socket } from 'node:net'
import { afterEach, expect, test, vi } from 'vitest'
import { isUnsupportedVersion, openPublisher, openSubscriber } from './client.ts'
import { MqttRefusedError, MqttUnavailableError } from './errors.ts'

const CONNACK_5 = Buffer.from([0x20, 0x03, 0x00, 0x00, 0x00])
const DISCONNECT_SESSION_TAKEN_OVER = Buffer.from([0xe0, 0x02, 0x8e, 0x00])
const servers: Server[] = []
const sockets = new Set<Socket>()

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))))
})

/** A broker that answers the first bytes of each connection as told. */
async function broker(answer: (socket: Socket) => void): Promise<string> {
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => answer(socket))
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `mqtt://127.0.0.1:${(server.address() as { port: number }).port}`
}

const open = (url: string, onClose: (error: Error) => void = () => {}) =>
  openSubscriber({
    url,
    clientId: 'c1',
    protocolVersion: 5,
    sessionExpirySeconds: 60,
    receiveMaximum: 10,
    connectTimeoutMs: 100,
    onMessage: () => undefined,
    onClose,
  })

test('a session taken over by another connection is told with the client id', async () => {
  const url = await broker((socket) => {
    socket.write(CONNACK_5)
    setTimeout(() => socket.end(DISCONNECT_SESSION_TAKEN_OVER), 20)
  })
  const closed: Error[] = []
  const subscriber = await open(url, (error) => closed.push(error))
  await vi.waitFor(() => expect(closed).toHaveLength(1))
  expect(closed[0]?.message).toContain('client id c1 is used by another connection')
  expect(subscriber.closed).toBe(closed[0])
})

test.each([
  ['MQTT 3.1.1', [0x20, 0x02, 0x00, 0x01]],
  ['MQTT 5', [0x20, 0x03, 0x00, 0x84, 0x00]],
])('a broker that does not speak our version, told in %s, is known as such', async (_, connack) => {
  const url = await broker((socket) => socket.end(Buffer.from(connack)))
  const error = await open(url).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(MqttRefusedError)
  expect(isUnsupportedVersion(error)).toBe(true)
})

test.each([
  ['answers nothing', () => {}],
  ['hangs up', (socket: Socket) => socket.destroy()],
  ['answers garbage', (socket: Socket) => socket.end(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))],
])('something that %s is no broker', async (_, answer) => {
  const url = await broker(answer)
  const error = await open(url).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(MqttUnavailableError)
  expect((error as Error).message).toContain(url)
})

test('a publisher finds nobody at a closed port', async () => {
  await expect(openPublisher({ url: 'mqtt://127.0.0.1:1', clientId: 'p' })).rejects.toThrow(
    'no MQTT broker answers at mqtt://127.0.0.1:1',
  )
})
