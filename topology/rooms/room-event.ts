import { withDefaults } from '../../schemas/avro-type.ts'
import { type Cause, type Reading, RoomEvent } from '../../schemas/types.ts'

/** Where a record came from. */
export type Origin = Pick<RoomEvent, 'topic' | 'partition' | 'offset' | 'timeMs'>

type Kept = Partial<Pick<RoomEvent, 'deviceId' | 'reading' | 'command' | 'result' | 'device' | 'rules'>>

export function roomEvent(type: RoomEvent['type'], origin: Origin, kept: Kept): RoomEvent {
  const { topic, partition, offset, timeMs } = origin
  return withDefaults(RoomEvent, { type, topic, partition, offset, timeMs, ...kept })
}

/** The reading as the cause of what follows from it. */
export function causeOf({ topic, partition, offset }: RoomEvent, reading: Reading): Cause {
  const { deviceId, kind, value, eventTimeMs } = reading
  return { topic, partition, offset, deviceId, kind, value, timeMs: eventTimeMs }
}
