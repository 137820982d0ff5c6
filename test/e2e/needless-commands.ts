import type { Command, Reading } from '../../schemas/types.ts'
import type { TopicRecord } from './building-log.ts'

/** Buses round levels: within so many percent they are the same. */
const SAME_LEVEL = 2

export interface NeedlessCommand extends Command {
  /** How long before the command it was told that the device is, or goes, there. */
  readonly knownForMs: number
}

/**
 * Commands to a device that, by all that was told before, is or goes already where the command sends it. Commands before `sinceMs`
 * are not judged: a house that has just become known is asked to be as the rules want it, whatever it was.
 */
export function needlessCommands(
  readings: readonly TopicRecord<Reading>[],
  commands: readonly TopicRecord<Command>[],
  sinceMs: number,
): readonly NeedlessCommand[] {
  const told = new Map<string, { readonly atMs: number; readonly value: number }[]>()
  const tell = (deviceId: string, kind: string, atMs: number, value: number): void => {
    const slot = `${deviceId}/${kind}`
    told.set(slot, [...(told.get(slot) ?? []), { atMs, value }])
  }
  for (const { value: r } of readings) tell(r.deviceId, r.kind, r.receivedAtMs, r.value)
  for (const { value: c } of commands) tell(c.deviceId, c.kind, c.issuedAtMs, c.value)
  return commands.flatMap(({ value: command }) => {
    const { deviceId, kind, issuedAtMs, value } = command
    const before = (told.get(`${deviceId}/${kind}`) ?? []).filter(({ atMs }) => atMs < issuedAtMs)
    const last = before.sort((a, b) => a.atMs - b.atMs).at(-1)
    const isNeedless = issuedAtMs >= sinceMs && last !== undefined && Math.abs(last.value - value) <= SAME_LEVEL
    return isNeedless ? [{ ...command, knownForMs: issuedAtMs - last.atMs }] : []
  })
}
