import { inspect } from 'node:util'
import avsc, { type Schema, type Type } from 'avsc'
import { SerdeError } from '../common/errors.ts'
import type { AvroSchema } from './avro-type.ts'
import { InvalidSchemaError } from './errors.ts'
import { readLong, readLongOrBigInt, readLongRounded, type Tap, writeLong } from './varint.ts'

/** Reads the value that begins at `from` and ends with the buffer. @throws when the bytes are not such a value. */
export type AvroReader = (data: Buffer, from: number) => unknown

/** Items without bytes of their own (null, empty records) that one value may have; all others are bounded by its bytes. */
const MOST_EMPTY_ITEMS = 65_536

/** The inner side of avsc's types, which its declarations leave out. */
interface Node {
  _read(tap: Tap): unknown
  _skip(tap: Tap): void
}
interface Resolver {
  _read: ((tap: Tap) => unknown) | null
}
interface Writer {
  readonly typeName: string
  _read(tap: Tap): unknown
}
interface CountingTap extends Tap {
  items?: number
}

/** The number of items in the next block of an array or map, 0 at its end; refuses more items than the bytes can hold. */
function blockLength(tap: CountingTap): number {
  let count = readLong(tap)
  if (count < 0) {
    count = -count
    readLong(tap)
  }
  if (count > 0) {
    tap.items = (tap.items ?? 0) + count
    if (tap.pos > tap.buf.length || tap.items > tap.buf.length + MOST_EMPTY_ITEMS)
      throw new SerdeError(`${tap.items} array or map items cannot be in ${tap.buf.length} bytes`)
  }
  return count
}

class IntType extends avsc.types.IntType {
  _read(tap: Tap): number {
    const value = readLongRounded(tap)
    if (value !== (value | 0)) throw new SerdeError(`${value} is not a 32-bit integer`)
    return value
  }
}

class LongType extends avsc.types.LongType {
  _read(tap: Tap): number {
    return readLong(tap)
  }
  _write(tap: Tap, value: unknown): void {
    if (!Number.isSafeInteger(value)) throw new SerdeError('not a whole number below 2^53')
    writeLong(tap, value as number)
  }
  _check(value: unknown, _flags: unknown, hook?: (value: unknown, type: unknown) => void): boolean {
    const valid = Number.isSafeInteger(value)
    if (!valid) hook?.(value, this)
    return valid
  }
}

class WideLongType extends LongType {
  // avsc declares the inner side of a type without its results.
  override _read(tap: Tap): number {
    return readLongOrBigInt(tap) as number
  }
}

/** Reads a writer's integer as floating point without avsc's loss of the sign. */
function promote(resolver: Resolver, type: Writer, exact: readonly string[]): void {
  if (exact.includes(type.typeName)) resolver._read = type._read
  else if (type.typeName === 'long') resolver._read = readLongRounded
}

class FloatType extends avsc.types.FloatType {
  _update(resolver: Resolver, type: Writer): void {
    promote(resolver, type, ['float', 'int'])
  }
}

class DoubleType extends avsc.types.DoubleType {
  _update(resolver: Resolver, type: Writer): void {
    promote(resolver, type, ['double', 'float', 'int'])
  }
}

class ArrayType extends avsc.types.ArrayType {
  _read(tap: Tap): unknown[] {
    const items = this.itemsType as unknown as Node
    const values: unknown[] = []
    for (let count = blockLength(tap); count > 0; count = blockLength(tap))
      while (count-- > 0) values.push(items._read(tap))
    return values
  }
  _skip(tap: Tap): void {
    const items = this.itemsType as unknown as Node
    for (let count = blockLength(tap); count > 0; count = blockLength(tap)) while (count-- > 0) items._skip(tap)
  }
}

const STRING = avsc.Type.forSchema('string') as unknown as Node

class MapType extends avsc.types.MapType {
  _read(tap: Tap): Record<string, unknown> {
    const items = this.valuesType as unknown as Node
    const values: Record<string, unknown> = {}
    for (let count = blockLength(tap); count > 0; count = blockLength(tap))
      while (count-- > 0) {
        const key = STRING._read(tap) as string
        const value = items._read(tap)
        if (key !== '__proto__') values[key] = value
        else Object.defineProperty(values, key, { value, configurable: true, enumerable: true, writable: true })
      }
    return values
  }
  _skip(tap: Tap): void {
    const items = this.valuesType as unknown as Node
    for (let count = blockLength(tap); count > 0; count = blockLength(tap))
      while (count-- > 0) {
        STRING._skip(tap)
        items._skip(tap)
      }
  }
}

const INT = new IntType()
const LONG = new LongType()
const WIDE_LONG = new WideLongType()
const FLOAT = new FloatType()
const DOUBLE = new DoubleType()

function parse(schema: AvroSchema, long: LongType): Type {
  try {
    return avsc.Type.forSchema(schema as Schema, {
      omitRecordMethods: true,
      typeHook(node, options) {
        const kind = typeof node === 'string' ? node : 'type' in node ? node.type : undefined
        switch (kind) {
          case 'int':
            return INT
          case 'long':
            return long
          case 'float':
            return FLOAT
          case 'double':
            return DOUBLE
        }
        if (typeof node === 'string') return undefined
        if (kind === 'array') return new ArrayType(node, options)
        if (kind === 'map') return new MapType(node, options)
        if (kind !== 'record') return undefined
        const record = new avsc.types.RecordType(node, options)
        // Decoded records are then plain objects for everyone who looks at their prototype.
        record.recordConstructor.prototype = Object.prototype
        return record
      },
    })
  } catch (cause) {
    throw new InvalidSchemaError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

/**
 * One Avro schema, compiled: avsc's types, hardened. Longs are numbers and refused beyond 2^53; lengths are checked against the
 * bytes that are there before anything is allocated; decoded records are plain objects. The one file that knows avsc.
 */
export class AvroCodec {
  readonly schema: AvroSchema
  readonly #type: Type

  /**
   * With `wideLongs`, longs beyond 2^53 are read as BigInts instead of being refused.
   * @throws {InvalidSchemaError}
   */
  constructor(schema: AvroSchema, options: { readonly wideLongs?: boolean } = {}) {
    this.schema = schema
    this.#type = parse(schema, options.wideLongs ? WIDE_LONG : LONG)
  }

  /** Writes the value at `from`; the position after it, or minus the missing bytes when the buffer is too small. */
  write(value: unknown, into: Buffer, from: number): number {
    return this.#type.encode(value, into, from)
  }

  /** What is wrong with a value, one sentence per field; empty when it can be written. */
  problems(value: unknown): string[] {
    const problems: string[] = []
    this.#type.isValid(value, {
      errorHook: (path, actual, type) => {
        const wanted = type.name ?? type.typeName.replace('union:unwrapped', 'union')
        const shown = inspect(actual, { depth: 1, breakLength: Infinity, maxStringLength: 80, maxArrayLength: 5 })
        problems.push(`${path.length > 0 ? `field ${path.join('.')}: ` : ''}${shown} is not a valid ${wanted}`)
      },
    })
    return problems
  }

  /** The value in Avro's JSON encoding: bytes as texts of one character each, values of unions under the name of their type. */
  toJson(value: unknown): string {
    return this.#type.toString(value)
  }

  /** A reader of what `writer` wrote, as values of this schema. @throws {InvalidSchemaError} when this schema cannot read it. */
  readerOf(writer: AvroCodec): AvroReader {
    const type = this.#type
    const resolver = type.equals(writer.#type) ? undefined : this.#resolver(writer)
    return (data, from) => {
      const { value, offset } = type.decode(data, from, resolver)
      if (offset < 0) throw new SerdeError('the bytes end too early')
      if (offset < data.length) throw new SerdeError(`${data.length - offset} bytes are left over`)
      return value
    }
  }

  #resolver(writer: AvroCodec) {
    try {
      return this.#type.createResolver(writer.#type, { ignoreNamespaces: true })
    } catch (cause) {
      throw new InvalidSchemaError(cause instanceof Error ? cause.message : String(cause), { cause })
    }
  }
}
