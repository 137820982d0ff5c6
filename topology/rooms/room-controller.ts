import { type Awaitable, chain, eachInOrder } from '../../common/awaitable.ts'
import type { Command, Occupancy, RoomEvent, RoomRules, RoomState, RuleEvaluation } from '../../schemas/types.ts'
import { type KeyValueStore, type Processor, type ProcessorContext, StreamRecord } from '../../streams/index.ts'
import type { RoomSettings } from '../settings.ts'
import { stores } from '../store-names.ts'
import { Deadlines } from './deadlines.ts'
import type { Trigger } from './decide.ts'
import { evaluateRoom } from './evaluate-room.ts'
import { applyEvent, defaultRules, newRoomState, type Room } from './room.ts'

/** What comes out of a room: each goes to a topic of its own. */
export type RoomOutput =
  | { readonly type: 'command'; readonly command: Command }
  | { readonly type: 'evaluation'; readonly evaluation: RuleEvaluation }
  | { readonly type: 'occupancy'; readonly occupancy: Occupancy }

/** After the last record of a backlog, rules are judged when nothing more has come for so long. */
const BACKLOG_QUIET_MS = 2_000

/** The kinds of reading that no rule looks at: they end no condition and start none. */
const IRRELEVANT = new Set(['temperature', 'pressure', 'battery', 'unknown'])

/**
 * Keeps the state of the rooms and judges their rules: at every event that may matter, and by the wall clock when a deadline
 * passes. Keyed by roomId; nothing is dropped. All that it knows is in its stores: a restart with the same input judges the same.
 * Stores: room-states, occupancy, rules.
 */
export class RoomController implements Processor<string, RoomEvent, string, RoomOutput> {
  readonly #settings: RoomSettings
  readonly #deadlines = new Deadlines()
  #context!: ProcessorContext<string, RoomOutput>
  #states!: KeyValueStore<string, RoomState>
  #occupancies!: KeyValueStore<string, Occupancy>
  #rules!: KeyValueStore<string, RoomRules>
  #loaded = false
  /** The latest time at which a connector received something: it moves time where the wall clock stands still. */
  #receivedMs = 0

  constructor(settings: RoomSettings) {
    this.#settings = settings
  }

  init(context: ProcessorContext<string, RoomOutput>): void {
    this.#context = context
    this.#states = context.getStateStore(stores.roomStates)
    this.#occupancies = context.getStateStore(stores.occupancy)
    this.#rules = context.getStateStore(stores.rules)
    context.schedule(this.#settings.tickMs, 'wall-clock-time', () => this.#tick())
    context.schedule(this.#settings.tickMs, 'stream-time', () => this.#tick())
  }

  process({ key: roomId, value: event, timestampMs }: StreamRecord<string, RoomEvent>): Awaitable<void> {
    const serverMs = event.reading?.receivedAtMs ?? event.command?.issuedAtMs ?? event.result?.atMs
    if (serverMs !== undefined && serverMs > this.#receivedMs) this.#receivedMs = serverMs
    if (event.type === 'rules') this.#rules.put(roomId, event.rules, timestampMs)
    return chain(this.#room(roomId), (room) => this.#take(room, event, serverMs ?? timestampMs))
  }

  get #nowMs(): number {
    return Math.max(this.#context.currentSystemTimeMs(), this.#receivedMs)
  }

  #take(before: Room, event: RoomEvent, serverMs: number): Awaitable<void> {
    const nowMs = this.#nowMs
    const room = applyEvent(before, event, this.#settings, nowMs)
    if (room === before && this.#deadlines.has(room.state.roomId)) return
    if (serverMs < nowMs - this.#settings.backlogAfterMs) return this.#postpone(before, room, nowMs)
    if (event.reading !== null && IRRELEVANT.has(event.reading.kind)) return this.#keep(before, room, nowMs)
    const id = `${event.topic}-${event.partition}@${event.offset}`
    return this.#judge(before, room, { id, nowMs })
  }

  /** Old news change what is known. What follows from them is judged once they are all in, as of then. */
  #postpone(before: Room, room: Room, nowMs: number): Awaitable<void> {
    return this.#keep(before, { ...room, state: { ...room.state, nextDueMs: nowMs + BACKLOG_QUIET_MS } }, nowMs)
  }

  #judge(before: Room, room: Room, trigger: Trigger): Awaitable<void> {
    const { room: after, commands, evaluations } = evaluateRoom(room, before.state, trigger, this.#settings)
    const outputs: RoomOutput[] = [
      ...commands.map((command) => ({ type: 'command', command }) as const),
      ...evaluations.map((evaluation) => ({ type: 'evaluation', evaluation }) as const),
    ]
    const { roomId } = after.state
    return chain(this.#keep(before, after, trigger.nowMs), () =>
      eachInOrder(outputs, (output) => this.#context.forward(new StreamRecord(roomId, output, trigger.nowMs))),
    )
  }

  #keep(before: Room, after: Room, nowMs: number): Awaitable<void> {
    const { state, occupancy } = after
    const { roomId } = state
    if (state !== before.state) this.#states.put(roomId, state, nowMs)
    this.#deadlines.set(after)
    if (occupancy === undefined || occupancy === before.occupancy) return
    this.#occupancies.put(roomId, occupancy, nowMs)
    if (occupancy.present === before.occupancy?.present) return
    return this.#context.forward(new StreamRecord(roomId, { type: 'occupancy', occupancy }, nowMs))
  }

  #tick(): Awaitable<void> {
    return chain(this.#load(), () => {
      const nowMs = this.#nowMs
      return eachInOrder(this.#deadlines.due(nowMs), ({ roomId, id }) =>
        chain(this.#room(roomId), (room) => this.#judge(room, room, { id, nowMs })),
      )
    })
  }

  /** After a start: the deadlines of the rooms that nothing has come for since. */
  #load(): Awaitable<void> {
    if (this.#loaded) return
    return chain(this.#states.entries(undefined, undefined), (entries) => {
      this.#loaded = true
      return eachInOrder(entries, ({ key: roomId }) => {
        if (this.#deadlines.has(roomId)) return
        return chain(this.#room(roomId), (room) => this.#deadlines.set(room))
      })
    })
  }

  #room(roomId: string): Awaitable<Room> {
    return chain(this.#states.get(roomId), (state = newRoomState(roomId)) =>
      chain(this.#occupancies.get(roomId), (occupancy) =>
        chain(this.#rules.get(roomId), (rules = defaultRules(roomId)) => ({ state, occupancy, rules })),
      ),
    )
  }
}
