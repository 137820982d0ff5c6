import type { Reading } from '../../schemas/types.ts'

/**
 * What a reading and its repetitions have in common beside the device: a bus, or a broker whose client was killed, sends again what it was
 * not answered for, by the thousand. Retained messages have no identity: they tell a state, and may tell it as often as they like.
 */
export function identityOf(reading: Reading | null): string | undefined {
  if (reading === null || reading.retained) return undefined
  const { kind, eventTimeMs, receivedAtMs, sequence, value } = reading
  // Without a time of the device each delivery has its own: then the number alone tells.
  const time = sequence !== null && eventTimeMs === receivedAtMs ? '' : eventTimeMs
  return `${kind}/${time}/${sequence ?? ''}/${value}`
}
