/** Writes the primitive types of Kafka's protocol. Grows as needed; numbers stand for int64 where they are safe integers. */
export class WireWriter {
  #data: Buffer
  #at = 0

  constructor(capacity = 256) {
    this.#data = Buffer.allocUnsafe(capacity)
  }

  int8(value: number): this {
    this.#reserve(1)
    this.#at = this.#data.writeInt8(value, this.#at)
    return this
  }

  int16(value: number): this {
    this.#reserve(2)
    this.#at = this.#data.writeInt16BE(value, this.#at)
    return this
  }

  int32(value: number): this {
    this.#reserve(4)
    this.#at = this.#data.writeInt32BE(value, this.#at)
    return this
  }

  int64(value: number): this {
    this.#reserve(8)
    this.#at = this.#data.writeBigInt64BE(BigInt(value), this.#at)
    return this
  }

  boolean(value: boolean): this {
    return this.int8(value ? 1 : 0)
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const length = Buffer.byteLength(value)
    this.int16(length)
    this.#reserve(length)
    this.#at += this.#data.write(value, this.#at)
    return this
  }

  bytes(value: Buffer | null): this {
    return value === null ? this.int32(-1) : this.int32(value.length).raw(value)
  }

  array<T>(items: readonly T[] | null, write: (item: T) => void): this {
    this.int32(items === null ? -1 : items.length)
    if (items) for (const item of items) write(item)
    return this
  }

  uvarint(value: number): this {
    this.#reserve(5)
    let rest = value
    for (; rest >= 0x80; rest >>>= 7) this.#data[this.#at++] = (rest & 0x7f) | 0x80
    this.#data[this.#at++] = rest
    return this
  }

  compactString(value: string | null): this {
    if (value === null) return this.uvarint(0)
    const length = Buffer.byteLength(value)
    this.uvarint(length + 1)
    this.#reserve(length)
    this.#at += this.#data.write(value, this.#at)
    return this
  }

  compactArray<T>(items: readonly T[] | null, write: (item: T) => void): this {
    this.uvarint(items === null ? 0 : items.length + 1)
    if (items) for (const item of items) write(item)
    return this
  }

  /** An empty section of tagged fields, as every structure of a flexible version ends with. */
  noTags(): this {
    return this.uvarint(0)
  }

  raw(value: Buffer): this {
    this.#reserve(value.length)
    this.#data.set(value, this.#at)
    this.#at += value.length
    return this
  }

  toBuffer(): Buffer {
    return this.#data.subarray(0, this.#at)
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes
    if (needed <= this.#data.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#data.length * 2))
    this.#data.copy(grown, 0, 0, this.#at)
    this.#data = grown
  }
}

/** Reads the primitive types of Kafka's protocol. Byte fields are views. @throws {RangeError} beyond the end. */
export class WireReader {
  readonly #data: Buffer
  #at = 0

  constructor(data: Buffer) {
    this.#data = data
  }

  get remaining(): number {
    return this.#data.length - this.#at
  }

  int8(): number {
    const value = this.#data.readInt8(this.#at)
    this.#at += 1
    return value
  }

  int16(): number {
    const value = this.#data.readInt16BE(this.#at)
    this.#at += 2
    return value
  }

  int32(): number {
    const value = this.#data.readInt32BE(this.#at)
    this.#at += 4
    return value
  }

  int64(): number {
    const value = this.#data.readInt32BE(this.#at) * 0x100000000 + this.#data.readUInt32BE(this.#at + 4)
    this.#at += 8
    return value
  }

  boolean(): boolean {
    return this.int8() !== 0
  }

  nullableString(): string | null {
    const length = this.int16()
    return length < 0 ? null : this.#slice(length).toString('utf8')
  }

  string(): string {
    return this.nullableString() ?? ''
  }

  nullableBytes(): Buffer | null {
    const length = this.int32()
    return length < 0 ? null : this.#slice(length)
  }

  bytes(): Buffer {
    return this.nullableBytes() ?? Buffer.alloc(0)
  }

  array<T>(read: () => T): T[] {
    return this.#items(this.int32(), read)
  }

  uvarint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#data.readUInt8(this.#at++)
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) break
    }
    return value >>> 0
  }

  compactString(): string | null {
    const length = this.uvarint()
    return length === 0 ? null : this.#slice(length - 1).toString('utf8')
  }

  compactArray<T>(read: () => T): T[] {
    return this.#items(this.uvarint() - 1, read)
  }

  skipTags(): void {
    for (let count = this.uvarint(); count > 0; count--) {
      this.uvarint()
      this.#slice(this.uvarint())
    }
  }

  #items<T>(count: number, read: () => T): T[] {
    const items: T[] = []
    for (let i = 0; i < count; i++) items.push(read())
    return items
  }

  #slice(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#data.length) throw new RangeError(`${length} bytes wanted, ${this.remaining} are left`)
    const slice = this.#data.subarray(this.#at, end)
    this.#at = end
    return slice
  }
}

/** Items by topic, as most requests nest them. */
export function byTopic<T extends { readonly topic: string }>(items: readonly T[]): [topic: string, items: T[]][] {
  const topics = new Map<string, T[]>()
  for (const item of items) {
    const list = topics.get(item.topic)
    if (list) list.push(item)
    else topics.set(item.topic, [item])
  }
  return [...topics]
}
