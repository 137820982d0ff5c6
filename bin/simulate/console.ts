import { asError, BrookError } from '../../common/errors.ts'
import { FaultError } from './errors.ts'
import type { FaultRequest } from './fault-board.ts'
import { parseTime } from './fault-spec.ts'
import type { SimulatedBuilding } from './simulated-building.ts'
import { statusLine, statusOf } from './status.ts'

interface Word {
  readonly usage: string
  readonly summary: string
  /** Resolves with what there is to say; faults say themselves when they begin and end. */
  run(building: SimulatedBuilding, words: readonly string[]): Promise<string> | string
}

const WORDS: Readonly<Record<string, Word>> = {
  status: {
    usage: 'status',
    summary: 'how the house fares',
    run: (building) => statusLine(statusOf(building)),
  },
  faults: {
    usage: 'faults',
    summary: 'what can go wrong',
    run: ({ faults }) => faultList(faults.kinds),
  },
  fault: {
    usage: 'fault <name> [<device>] [<time>]',
    summary: 'lets it go wrong, for a time such as 30s or until it is ended',
    run: async ({ faults }, words) => {
      await faults.begin(faultRequest(words))
      return ''
    },
  },
  end: {
    usage: 'end <name> [<device>]',
    summary: 'ends a fault',
    run: async ({ faults }, [name = '', deviceId]) => {
      await faults.end(name, deviceId)
      return ''
    },
  },
  bring: inRoom('bring', 'brings somebody into a room who stays', (building, room) =>
    building.simulation.model.bringPerson(room),
  ),
  empty: inRoom('empty', 'sends everybody out of a room and lets nobody in', (building, room) =>
    building.simulation.model.keepEmpty(room),
  ),
  release: inRoom('release', 'ends what bring and empty began', (building, room) =>
    building.simulation.model.release(room),
  ),
  cover: inRoom('cover', 'covers the light sensor of a room', (building, room) =>
    building.simulation.model.coverSensor(room, true),
  ),
  uncover: inRoom('uncover', 'takes the cover off', (building, room) =>
    building.simulation.model.coverSensor(room, false),
  ),
}

/** Carries out one line that somebody typed while the simulation runs, and says what came of it; `undefined` for `quit`. */
export async function typed(building: SimulatedBuilding, line: string): Promise<string | undefined> {
  const [first = '', ...words] = line.trim().split(/\s+/)
  if (first === '') return ''
  if (first === 'quit' || first === 'exit') return undefined
  const word = Object.hasOwn(WORDS, first) ? WORDS[first] : undefined
  if (word === undefined) return consoleHelp()
  try {
    return await word.run(building, words)
  } catch (thrown) {
    if (thrown instanceof BrookError && thrown.domain !== 'internal') return thrown.message
    return asError(thrown).stack
  }
}

export function consoleHelp(): string {
  const rows = [...Object.values(WORDS), { usage: 'quit', summary: 'ends the simulation' }]
  const width = Math.max(...rows.map(({ usage }) => usage.length))
  return rows.map(({ usage, summary }) => `  ${usage.padEnd(width)}  ${summary}`).join('\n')
}

export function faultList(kinds: SimulatedBuilding['faults']['kinds']): string {
  const width = Math.max(...kinds.map(({ name }) => name.length))
  return kinds
    .map(({ name, summary, befalls }) => `  ${name.padEnd(width)}  ${summary}${befalls ? ' [device]' : ''}`)
    .join('\n')
}

/** `[name, device?, time?]`, the last two in any order. @throws {FaultError} */
export function faultRequest([name, ...rest]: readonly string[]): FaultRequest {
  if (name === undefined) throw new FaultError('name the fault: `faults` lists what there is')
  const times = rest.filter(isTime)
  const devices = rest.filter((word) => !isTime(word))
  if (times.length > 1 || devices.length > 1) throw new FaultError(`too many words: ${WORDS['fault']!.usage}`)
  return {
    name,
    ...(devices[0] === undefined ? {} : { deviceId: devices[0] }),
    ...(times[0] === undefined ? {} : { durationMs: parseTime(times[0]) }),
  }
}

function isTime(word: string): boolean {
  return /^\d/.test(word)
}

function inRoom(name: string, summary: string, act: (building: SimulatedBuilding, room: string) => void): Word {
  return {
    usage: `${name} <room>`,
    summary,
    run(building, [room]) {
      if (room === undefined) throw new FaultError(`name the room: ${name} <room>`)
      act(building, room)
      return `${room}: done`
    },
  }
}
