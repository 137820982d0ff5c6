import { type Awaitable, chain, eachInOrder } from '../../common/awaitable.ts'
import type { Command, CommandResult, Device, DeviceState, Reading, RoomEvent, RoomRules } from '../../schemas/types.ts'
import { type KeyValueStore, type Processor, type ProcessorContext, StreamRecord } from '../../streams/index.ts'
import { isManual } from '../rooms/actuators.ts'
import { type Origin, roomEvent } from '../rooms/room-event.ts'
import { stores } from '../store-names.ts'
import { withCommand, withReading, withResult } from './device-state.ts'

/** What comes by the topics of devices; null where a record was a tombstone. */
export type DeviceInput =
  | { readonly type: 'reading'; readonly reading: Reading | null }
  | { readonly type: 'command'; readonly command: Command | null }
  | { readonly type: 'result'; readonly result: CommandResult | null }
  | { readonly type: 'device'; readonly device: Device | null }
  | { readonly type: 'rules'; readonly rules: RoomRules | null }

/**
 * The first step of everything: keeps what is known per device, and hands on under the room what its rules may look at, with the
 * place it came from. Keyed by deviceId in, by roomId out; one rule record of a room passes by as it is. Drops the rules' own
 * commands, and tombstones other than of devices and rules. Stores: device-states, devices.
 */
export class DeviceDesk implements Processor<string, DeviceInput, string, RoomEvent> {
  #context!: ProcessorContext<string, RoomEvent>
  #states!: KeyValueStore<string, DeviceState>
  #devices!: KeyValueStore<string, Device>

  init(context: ProcessorContext<string, RoomEvent>): void {
    this.#context = context
    this.#states = context.getStateStore(stores.deviceStates)
    this.#devices = context.getStateStore(stores.devices)
  }

  process(record: StreamRecord<string, DeviceInput>): Awaitable<void> {
    const { key, value: input } = record
    if (key === null) return this.#context.drop(record, 'null-key')
    switch (input.type) {
      case 'reading':
        return input.reading === null ? this.#dropNull(record) : this.#reading(record, input.reading)
      case 'command':
        return input.command === null ? this.#dropNull(record) : this.#command(record, input.command)
      case 'result':
        return input.result === null ? this.#dropNull(record) : this.#result(record, input.result)
      case 'device':
        return this.#device(record, input.device)
      case 'rules':
        return this.#forward(record, key, roomEvent('rules', this.#origin(record), { rules: input.rules }))
    }
  }

  #reading(record: StreamRecord<string, DeviceInput>, reading: Reading): Awaitable<void> {
    return chain(this.#states.get(reading.deviceId), (before) => {
      this.#states.put(reading.deviceId, withReading(before, reading), record.timestampMs)
      const event = roomEvent('reading', this.#origin(record), { deviceId: reading.deviceId, reading })
      return this.#forward(record, reading.roomId, event)
    })
  }

  #command(record: StreamRecord<string, DeviceInput>, command: Command): Awaitable<void> {
    return chain(this.#states.get(command.deviceId), (before) => {
      this.#states.put(command.deviceId, withCommand(before, command), record.timestampMs)
      if (!isManual(command)) return
      const event = roomEvent('command', this.#origin(record), { deviceId: command.deviceId, command })
      return this.#forward(record, command.roomId, event)
    })
  }

  #result(record: StreamRecord<string, DeviceInput>, result: CommandResult): Awaitable<void> {
    return chain(this.#states.get(result.deviceId), (before) => {
      this.#states.put(result.deviceId, withResult(before, result), record.timestampMs)
      const event = roomEvent('result', this.#origin(record), { deviceId: result.deviceId, result })
      return this.#forward(record, result.roomId, event)
    })
  }

  #device(record: StreamRecord<string, DeviceInput>, device: Device | null): Awaitable<void> {
    const deviceId = record.key
    return chain(this.#devices.get(deviceId), (before) => {
      this.#devices.put(deviceId, device, record.timestampMs)
      const origin = this.#origin(record)
      const events: (readonly [string, RoomEvent])[] = []
      if (before !== undefined && before.roomId !== device?.roomId)
        events.push([before.roomId, roomEvent('device_removed', origin, { deviceId })])
      if (device !== null) events.push([device.roomId, roomEvent('device_added', origin, { deviceId, device })])
      return eachInOrder(events, ([roomId, event]) => this.#forward(record, roomId, event))
    })
  }

  #forward(record: StreamRecord<string, unknown>, roomId: string, event: RoomEvent): Awaitable<void> {
    return this.#context.forward(new StreamRecord(roomId, event, record.timestampMs))
  }

  #dropNull(record: StreamRecord<string, DeviceInput>): Awaitable<void> {
    return this.#context.drop(record, 'null-value')
  }

  #origin({ timestampMs }: StreamRecord<string, unknown>): Origin {
    const { topic = '', partition = 0, offset = 0 } = this.#context.recordMetadata() ?? {}
    return { topic, partition, offset, timeMs: timestampMs }
  }
}
