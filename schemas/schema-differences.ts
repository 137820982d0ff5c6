import type { AvroDefinition, AvroField, AvroSchema } from './avro-type.ts'
import { isUnion, qualify } from './self-contained.ts'

/** What the two schemas are called in the sentences, such as `the new schema` and `version 3`. */
export interface SchemaNames {
  readonly reader: string
  readonly writer: string
}

/** Writer types, besides its own, that each primitive can be read from. */
const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  long: ['int'],
  float: ['int', 'long'],
  double: ['int', 'long', 'float'],
  string: ['bytes'],
  bytes: ['string'],
}

interface Resolved {
  readonly kind: string
  readonly name: string | undefined
  readonly definition: AvroDefinition
  readonly branches: readonly AvroSchema[]
  readonly namespace: string | undefined
}

/** One schema, and the types that it names. */
class Side {
  readonly root: Resolved
  readonly #named = new Map<string, Resolved>()

  constructor(schema: AvroSchema) {
    this.#collect(schema, undefined)
    this.root = this.resolve(schema, undefined)
  }

  resolve(schema: AvroSchema, namespace: string | undefined): Resolved {
    if (isUnion(schema)) return plain('union', schema, namespace)
    if (typeof schema === 'string')
      return this.#named.get(qualify(schema, namespace)) ?? plain(schema, schema, namespace)
    if (typeof schema.type !== 'string') return this.resolve(schema.type, namespace)
    if (schema.name !== undefined) return named(schema, schema.name, namespace)
    return schema.type === 'array' || schema.type === 'map'
      ? { ...plain(schema.type, schema, namespace), definition: schema }
      : this.resolve(schema.type, namespace)
  }

  #collect(schema: AvroSchema, namespace: string | undefined): void {
    if (typeof schema === 'string') return
    if (isUnion(schema)) {
      for (const branch of schema) this.#collect(branch, namespace)
      return
    }
    let inner = namespace
    if (schema.name !== undefined) {
      const type = named(schema, schema.name, namespace)
      inner = type.namespace
      if (type.name !== undefined) this.#named.set(type.name, type)
    }
    const children = [schema.items, schema.values, ...(schema.fields ?? []).map((field) => field.type), schema.type]
    for (const child of children) if (child !== undefined) this.#collect(child, inner)
  }
}

function plain(kind: string, schema: AvroSchema, namespace: string | undefined): Resolved {
  return { kind, name: undefined, definition: { type: schema }, branches: isUnion(schema) ? schema : [], namespace }
}

function named(definition: AvroDefinition, name: string, namespace: string | undefined): Resolved {
  const full = qualify(name, definition.namespace ?? namespace)
  const inner = full.includes('.') ? full.replace(/\.[^.]*$/, '') : undefined
  return { kind: String(definition.type), name: full, definition, branches: [], namespace: inner }
}

/**
 * Why data of `writer` cannot be read with `reader`, by Avro's resolution rules: one sentence per difference, in the order of
 * the writer's bytes. Empty when it can.
 */
export function schemaDifferences(reader: AvroSchema, writer: AvroSchema, names: SchemaNames): string[] {
  return new Comparison(new Side(reader), new Side(writer), names).run()
}

class Comparison {
  readonly #reader: Side
  readonly #writer: Side
  readonly #names: SchemaNames
  readonly #seen = new Set<string>()
  #found: string[] = []

  constructor(reader: Side, writer: Side, names: SchemaNames) {
    this.#reader = reader
    this.#writer = writer
    this.#names = names
  }

  run(): string[] {
    this.#walk('', this.#reader.root, this.#writer.root)
    return this.#found
  }

  #walk(path: string, reader: Resolved, writer: Resolved): void {
    if (writer.kind === 'union') this.#writerUnion(path, reader, writer)
    else if (reader.kind === 'union') this.#readerUnion(path, reader, writer)
    else if (reader.kind !== writer.kind) {
      if (!PROMOTIONS[reader.kind]?.includes(writer.kind)) this.#cannotRead(path, reader, writer)
    } else this.#sameKind(path, reader, writer)
  }

  #sameKind(path: string, reader: Resolved, writer: Resolved): void {
    const read = reader.definition
    const written = writer.definition
    if (reader.kind === 'array') this.#child(`${path}[]`, reader, writer, read.items, written.items)
    else if (reader.kind === 'map') this.#child(`${path}{}`, reader, writer, read.values, written.values)
    else if (reader.name !== undefined && !sameName(reader, writer)) this.#cannotRead(path, reader, writer)
    else if (reader.kind === 'record') this.#record(path, reader, writer)
    else if (reader.kind === 'enum') this.#enum(path, reader, writer)
    else if (read.size !== written.size) this.#cannotRead(path, reader, writer)
  }

  #record(path: string, reader: Resolved, writer: Resolved): void {
    const pair = `${reader.name}<${writer.name}`
    if (this.#seen.has(pair)) return
    this.#seen.add(pair)
    const written = new Map((writer.definition.fields ?? []).map((field) => [field.name, field]))
    for (const field of reader.definition.fields ?? []) {
      const match = [field.name, ...(field.aliases ?? [])].map((name) => written.get(name)).find((f) => f !== undefined)
      const fieldPath = path ? `${path}.${field.name}` : field.name
      if (match) this.#child(fieldPath, reader, writer, field.type, match.type)
      else if (!hasDefault(field))
        this.#add(
          fieldPath,
          `${this.#names.reader} needs it, ${this.#names.writer} does not have it, and it has no default`,
        )
    }
  }

  #enum(path: string, reader: Resolved, writer: Resolved): void {
    if (reader.definition.default !== undefined) return
    const known = reader.definition.symbols ?? []
    const unknown = (writer.definition.symbols ?? []).filter((symbol) => !known.includes(symbol))
    if (unknown.length > 0)
      this.#add(
        path,
        `${this.#names.reader} does not have the symbol ${unknown.join(', ')} of ${this.#names.writer}, and no default for it`,
      )
  }

  #writerUnion(path: string, reader: Resolved, writer: Resolved): void {
    for (const branch of writer.branches) this.#walk(path, reader, this.#writer.resolve(branch, writer.namespace))
  }

  #readerUnion(path: string, reader: Resolved, writer: Resolved): void {
    const before = this.#found
    const attempts = reader.branches.map((branch) => {
      this.#found = []
      this.#walk(path, this.#reader.resolve(branch, reader.namespace), writer)
      return this.#found
    })
    this.#found = before
    if (attempts.some((attempt) => attempt.length === 0)) return
    const sameKind = attempts.filter(
      (_, i) => this.#reader.resolve(reader.branches[i] ?? 'null', reader.namespace).kind === writer.kind,
    )
    if (sameKind.length === 1) before.push(...(sameKind[0] ?? []))
    else this.#cannotRead(path, reader, writer)
  }

  #child(
    path: string,
    reader: Resolved,
    writer: Resolved,
    readerType: AvroSchema | undefined,
    writerType: AvroSchema | undefined,
  ): void {
    this.#walk(
      path,
      this.#reader.resolve(readerType ?? 'null', reader.namespace),
      this.#writer.resolve(writerType ?? 'null', writer.namespace),
    )
  }

  #cannotRead(path: string, reader: Resolved, writer: Resolved): void {
    this.#add(
      path,
      `${this.#names.reader} has ${describe(reader)}, which cannot be read from ${describe(writer)} of ${this.#names.writer}`,
    )
  }

  #add(path: string, sentence: string): void {
    this.#found.push(path ? `field ${path}: ${sentence}` : sentence)
  }
}

function hasDefault(field: AvroField): boolean {
  return 'default' in field
}

/** Avro compares the names without their namespaces; a reader's alias counts as its name. */
function sameName(reader: Resolved, writer: Resolved): boolean {
  const short = (name: string | undefined) => name?.replace(/^.*\./, '')
  return [reader.name, ...(reader.definition.aliases ?? [])].some((name) => short(name) === short(writer.name))
}

function describe(type: Resolved): string {
  if (type.kind === 'union')
    return `a union of ${type.branches.map((b) => (typeof b === 'string' ? b : 'name' in b ? b.name : 'type' in b ? b.type : 'union')).join(', ')}`
  if (type.kind === 'fixed') return `fixed ${type.name} of ${type.definition.size} bytes`
  return type.name === undefined ? type.kind : `${type.kind} ${type.name}`
}
