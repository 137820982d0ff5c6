import { parseGroupAddress, parseIndividualAddress } from '../../connectors/knx/addresses.ts'
import type { GatewaySimulator } from '../../connectors/knx/gateway-simulator.ts'
import type { MqttSimulator } from '../../connectors/mqtt/simulator.ts'
import type { Device } from '../../schemas/types.ts'

/** What is sent: something that can be read, or something that nobody can. */
export type Content = 'valid' | 'garbage'

const LARGE_ARRAY_ITEMS = 20_000
const DEPTH = 5_000
/** An address that no simulated device has. */
const SOURCE = parseIndividualAddress('1.15.200')

/** Payloads as broken or hostile devices send them: none is a reading. */
export const garbagePayloads: readonly Buffer[] = [
  Buffer.from([0xff, 0xfe, 0xc3, 0x28, 0x80]),
  Buffer.from('{"value": '),
  Buffer.from('{"value": "warm"}'),
  Buffer.from('{"value": 1e309}'),
  Buffer.from('{"value": -400}'),
  Buffer.from('null'),
  Buffer.alloc(0),
  Buffer.from(JSON.stringify({ value: Array.from({ length: LARGE_ARRAY_ITEMS }, (_, i) => i) })),
  Buffer.from(`${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`),
  Buffer.from('{"__proto__": {"value": 1}, "constructor": 2}'),
]

/** Bytes that are no frame of the Serial API: a start that is followed by nothing good. */
export function garbageFrames(): Buffer {
  return Buffer.from([0x01, 0x03, 0x00, 0x99, 0x00, 0x42, 0x17, 0x01, 0xff])
}

const underWay = new WeakMap<MqttSimulator, number>()
const MOST_UNDER_WAY = 5_000

/** Publishes `count` messages of the device; those for which the broker has no time are left out. */
export function publishAll(mqtt: MqttSimulator, { deviceId, roomId }: Device, content: Content, count: number): void {
  const topic = `building/${roomId}/${deviceId}/temperature`
  for (let i = 0; i < count; i++) {
    const waiting = underWay.get(mqtt) ?? 0
    if (waiting >= MOST_UNDER_WAY) return
    underWay.set(mqtt, waiting + 1)
    const payload =
      content === 'valid'
        ? JSON.stringify({ value: 20 + (i % 50) / 10, timestamp: Date.now() })
        : (garbagePayloads[i % garbagePayloads.length] as Buffer)
    const done = (): void => void underWay.set(mqtt, (underWay.get(mqtt) ?? 1) - 1)
    mqtt.publishRaw(topic, payload).then(done, done)
  }
}

/** Puts `count` telegrams on the line that tell the group address something, or nothing that fits it. */
export function sendTelegrams(gateway: GatewaySimulator, groupAddress: string, content: Content, count: number): void {
  const destination = parseGroupAddress(groupAddress)
  for (let i = 0; i < count; i++) {
    const data = content === 'valid' ? Buffer.of(i % 256) : Buffer.of(0xde, 0xad, 0xbe, 0xef, 0x00)
    gateway.inject({ service: 'GroupValue_Write', source: SOURCE, destination, payload: { short: false, data } })
  }
}
