import type { RoomRules } from '../../schemas/types.ts'
import { dayPhase } from './day-phase.ts'
import type { Room } from './room.ts'

interface Deadline {
  readonly dueMs: number
  readonly phase: string
  readonly rules: RoomRules
}

/** Why a room has to be judged although nothing happened in it. */
export interface Due {
  readonly roomId: string
  /** Names the deadline, or the part of the day that began: the same after a replay. */
  readonly id: string
}

/**
 * When each room of a task has to be judged again by time alone: a presence or override that ends, a part of the day that begins.
 * Kept in memory for quick looks; all of it is in the rooms' states, so deadlines that passed while nothing ran are met at once.
 */
export class Deadlines {
  readonly #rooms = new Map<string, Deadline>()

  set({ state, rules }: Room): void {
    this.#rooms.set(state.roomId, { dueMs: state.nextDueMs ?? Number.POSITIVE_INFINITY, phase: state.phase, rules })
  }

  has(roomId: string): boolean {
    return this.#rooms.has(roomId)
  }

  due(nowMs: number): readonly Due[] {
    const due: Due[] = []
    for (const [roomId, { dueMs, phase, rules }] of this.#rooms) {
      if (dueMs <= nowMs) due.push({ roomId, id: `due@${dueMs}` })
      else if (phase !== '' && phase !== dayPhase(nowMs, rules)) {
        due.push({ roomId, id: `clock@${dayPhase(nowMs, rules)}` })
      }
    }
    return due
  }
}
