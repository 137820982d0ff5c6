import type { Random } from './random.ts'

const STAY_MS = 4 * 60_000
/** How often somebody in a room moves so that the sensor sees it, and for how long it does. */
const STIR_MS = 20_000
const STIRRING_MS = 6_000
/** Of those who leave a room, how many go to one next door rather than anywhere. */
const NEXT_DOOR = 0.7

interface Person {
  room: number
  leavesAtMs: number
  stirsAtMs: number
  /** Until when a sensor sees them. */
  seenUntilMs: number
}

/** People who stay in a room for a while, stir now and then, and walk on: next door mostly. Rooms are numbered from 0. */
export class People {
  readonly #rooms: number
  readonly #random: Random
  readonly #people: Person[]
  /** Rooms that nobody walks into; those who are placed there stay. */
  readonly #held = new Set<number>()

  constructor(rooms: number, people: number, random: Random, nowMs: number) {
    this.#rooms = rooms
    this.#random = random
    this.#people = Array.from({ length: people }, () => {
      const person = { room: Math.floor(random.next() * rooms), leavesAtMs: 0, stirsAtMs: nowMs, seenUntilMs: 0 }
      person.leavesAtMs = nowMs + random.waitMs(STAY_MS)
      return person
    })
  }

  step(nowMs: number): void {
    for (const person of this.#people) {
      if (nowMs >= person.leavesAtMs) this.#walkOn(person, nowMs)
      if (nowMs >= person.stirsAtMs) {
        person.seenUntilMs = nowMs + STIRRING_MS
        person.stirsAtMs = nowMs + this.#random.waitMs(STIR_MS)
      }
    }
  }

  countIn(room: number): number {
    return this.#people.reduce((count, person) => count + (person.room === room ? 1 : 0), 0)
  }

  /** How many there are in each room, by its number. */
  counts(): Uint32Array {
    const counts = new Uint32Array(this.#rooms)
    for (const { room } of this.#people) if (room >= 0) counts[room]!++
    return counts
  }

  get total(): number {
    return this.#people.length
  }

  /** Whether a motion sensor of the room sees somebody. */
  motionIn(room: number, nowMs: number): boolean {
    return this.#people.some((person) => person.room === room && person.seenUntilMs > nowMs)
  }

  /** Sends somebody there, who stays until `release`: the nearest who is free to go, or else a visitor. */
  bring(room: number, nowMs: number): void {
    const free = this.#people.filter((person) => person.leavesAtMs !== Number.POSITIVE_INFINITY)
    const distance = (person: Person): number => Math.abs(person.room - room)
    const nearest = free.sort((a, b) => distance(a) - distance(b))[0]
    const person = nearest ?? { room, leavesAtMs: 0, stirsAtMs: nowMs, seenUntilMs: 0 }
    if (nearest === undefined) this.#people.push(person)
    person.room = room
    person.leavesAtMs = Number.POSITIVE_INFINITY
    person.stirsAtMs = nowMs
  }

  /** Sends everybody out of the room and lets nobody in until `release`. */
  keepOut(room: number, nowMs: number): void {
    this.#held.add(room)
    for (const person of this.#people) if (person.room === room) this.#walkOn(person, nowMs)
  }

  /** The room is as any other again. */
  release(room: number, nowMs: number): void {
    this.#held.delete(room)
    for (const person of this.#people)
      if (person.room === room && person.leavesAtMs === Number.POSITIVE_INFINITY)
        person.leavesAtMs = nowMs + this.#random.waitMs(STAY_MS)
  }

  #walkOn(person: Person, nowMs: number): void {
    const next = this.#random.next() < NEXT_DOOR ? person.room + this.#random.pick([-1, 1]) : undefined
    const wanted = next ?? Math.floor(this.#random.next() * this.#rooms)
    const room = Math.min(this.#rooms - 1, Math.max(0, wanted))
    person.leavesAtMs = nowMs + this.#random.waitMs(STAY_MS)
    person.room = this.#held.has(room) ? this.#freeRoom(room) : room
    person.stirsAtMs = nowMs
    person.seenUntilMs = 0
  }

  #freeRoom(from: number): number {
    for (let i = 1; i < this.#rooms; i++) {
      const room = (from + i) % this.#rooms
      if (!this.#held.has(room)) return room
    }
    return -1
  }
}
