import { InvalidArgumentError } from '../../common/errors.ts'

/** Offsets by topic and partition, as they are written in code: `{ orders: { 0: 41 } }`. */
export type Offsets = Readonly<Record<string, Readonly<Record<number, number>>>>

/**
 * How far an answer has got: per partition of the topics that the store's task reads, the offset of the last record that is in
 * it. Immutable.
 * @see org.apache.kafka.streams.query.Position
 */
export class Position {
  static readonly #EMPTY = new Position(new Map())
  readonly #offsets: ReadonlyMap<string, ReadonlyMap<number, number>>

  private constructor(offsets: ReadonlyMap<string, ReadonlyMap<number, number>>) {
    this.#offsets = offsets
  }

  static empty(): Position {
    return Position.#EMPTY
  }

  /** @throws {InvalidArgumentError} when a partition or offset is not a whole number from 0 on. */
  static of(offsets: Offsets): Position {
    let position = Position.empty()
    for (const [topic, partitions] of Object.entries(offsets))
      for (const [partition, offset] of Object.entries(partitions))
        position = position.withComponent(topic, Number(partition), offset)
    return position
  }

  /** Reads what {@link toString} writes: `orders:0:41,orders:1:7`. @throws {InvalidArgumentError} */
  static parse(text: string): Position {
    let position = Position.empty()
    for (const part of text.split(',').filter((p) => p !== '')) {
      const match = /^([\w.-]{1,249}):(\d{1,10}):(\d{1,16})$/.exec(part)
      if (match === null) throw new InvalidArgumentError(`${JSON.stringify(part)} is not topic:partition:offset`)
      position = position.withComponent(match[1] as string, Number(match[2]), Number(match[3]))
    }
    return position
  }

  /** @throws {InvalidArgumentError} */
  withComponent(topic: string, partition: number, offset: number): Position {
    for (const number of [partition, offset])
      if (!Number.isSafeInteger(number) || number < 0)
        throw new InvalidArgumentError(`a position of topic ${topic} has whole numbers from 0 on, got ${number}`)
    const partitions = new Map(this.#offsets.get(topic)).set(partition, offset)
    return new Position(new Map(this.#offsets).set(topic, partitions))
  }

  /** Of every partition the later offset. */
  merge(other: Position): Position {
    const merged = new Map([...this.#offsets].map(([topic, partitions]) => [topic, new Map(partitions)]))
    for (const [topic, partitions] of other.#offsets) {
      const mine = merged.get(topic) ?? new Map<number, number>()
      for (const [partition, offset] of partitions) mine.set(partition, Math.max(offset, mine.get(partition) ?? 0))
      merged.set(topic, mine)
    }
    return new Position(merged)
  }

  get topics(): readonly string[] {
    return [...this.#offsets.keys()]
  }

  get isEmpty(): boolean {
    return this.#offsets.size === 0
  }

  partitionPositions(topic: string): ReadonlyMap<number, number> {
    return this.#offsets.get(topic) ?? new Map()
  }

  offset(topic: string, partition: number): number | undefined {
    return this.#offsets.get(topic)?.get(partition)
  }

  /** As one line for a header: `orders:0:41,orders:1:7`; empty for no offsets. */
  toString(): string {
    return [...this.#offsets]
      .flatMap(([topic, partitions]) => [...partitions].map(([partition, offset]) => `${topic}:${partition}:${offset}`))
      .join(',')
  }

  toJSON(): Offsets {
    return Object.fromEntries([...this.#offsets].map(([topic, partitions]) => [topic, Object.fromEntries(partitions)]))
  }
}

/**
 * How far an answer has to be: for reading what was just written, bound by the offset that the producer was told.
 * @see org.apache.kafka.streams.query.PositionBound
 */
export class PositionBound {
  static readonly #UNBOUNDED = new PositionBound(Position.empty())
  readonly position: Position

  private constructor(position: Position) {
    this.position = position
  }

  static unbounded(): PositionBound {
    return PositionBound.#UNBOUNDED
  }

  /** At least as far as these offsets, those included. @throws {InvalidArgumentError} */
  static at(offsets: Position | Offsets): PositionBound {
    return new PositionBound(offsets instanceof Position ? offsets : Position.of(offsets))
  }

  get isUnbounded(): boolean {
    return this.position.isEmpty
  }

  /**
   * Only what the bound says of this partition of the store counts; without one (a global store has all of its topic) everything does.
   * @see StoreQueryUtils#isPermitted
   */
  isMetBy(position: Position, partition?: number): boolean {
    for (const topic of this.position.topics)
      for (const [of, wanted] of this.position.partitionPositions(topic))
        if ((partition === undefined || of === partition) && (position.offset(topic, of) ?? -1) < wanted) return false
    return true
  }
}
