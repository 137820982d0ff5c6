import type { LiveEntry } from './live-entry.ts'
import { deviceOf } from './live-events.ts'
import { RoomMemory } from './room-memory.ts'

/** The events that a client needs to begin with, by room. The building bounds it; past `maxRooms` the room that was quiet longest goes. */
export class LiveMemory {
  readonly #rooms = new Map<string, RoomMemory>()
  /** What belongs to no room. */
  readonly #common = new RoomMemory()
  readonly #roomOfDevice = new Map<string, string>()
  readonly #maxRooms: number

  constructor(maxRooms: number) {
    this.#maxRooms = maxRooms
  }

  remember(entry: LiveEntry): void {
    if (entry.event.type === 'device') this.#place(entry)
    const { roomId } = entry
    const room = roomId === undefined ? this.#common : this.#room(roomId)
    room.remember(entry)
    if (roomId !== undefined && room.isEmpty) this.#rooms.delete(roomId)
  }

  /** The room of a device that has a record; the last one that it was in when the record has gone. */
  roomOfDevice(deviceId: string): string | undefined {
    return this.#roomOfDevice.get(deviceId)
  }

  get roomIds(): readonly string[] {
    return [...this.#rooms.keys()]
  }

  entriesOf(roomId: string): readonly LiveEntry[] {
    return this.#rooms.get(roomId)?.entries() ?? []
  }

  commonEntries(): readonly LiveEntry[] {
    return this.#common.entries()
  }

  /** Everything, in the order in which it happened. */
  entries(): readonly LiveEntry[] {
    const all = [this.#common, ...this.#rooms.values()].flatMap((room) => room.entries())
    return all.sort((a, b) => a.sequence - b.sequence)
  }

  #room(roomId: string): RoomMemory {
    const room = this.#rooms.get(roomId) ?? new RoomMemory()
    this.#rooms.delete(roomId)
    this.#rooms.set(roomId, room)
    if (this.#rooms.size > this.#maxRooms) {
      const quietest = this.#rooms.keys().next()
      if (!quietest.done) this.#rooms.delete(quietest.value)
    }
    return room
  }

  /** A device stands in one room: when its record names another, or is gone, the old room forgets it. */
  #place(entry: LiveEntry): void {
    const deviceId = deviceOf(entry.event) as string
    const before = this.#roomOfDevice.get(deviceId)
    if (before !== undefined && (entry.event.data === null || before !== entry.roomId))
      this.#rooms.get(before)?.forgetDevice(deviceId)
    if (entry.event.data === null) this.#roomOfDevice.delete(deviceId)
    else if (entry.roomId !== undefined) this.#roomOfDevice.set(deviceId, entry.roomId)
  }
}
