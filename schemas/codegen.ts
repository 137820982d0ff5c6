import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { AvroDefinition, AvroField, AvroSchema } from './avro-type.ts'
import { InvalidSchemaError } from './errors.ts'
import { fullName, isUnion, qualify, selfContained } from './self-contained.ts'

/** The TypeScript type of an Avro primitive, and the kind of JavaScript value it is, by which unions tell branches apart. */
const PRIMITIVES: Readonly<Record<string, string>> = {
  null: 'null',
  boolean: 'boolean',
  int: 'number',
  long: 'number',
  float: 'number',
  double: 'number',
  bytes: 'Buffer',
  string: 'string',
}

const HEADER = `// Generated from schemas/*.avsc by \`npm run schemas\`. Change the schema, not this file.
import { type AvroType, defineAvroType } from './avro-type.ts'
`

interface Scope {
  readonly named: ReadonlyMap<string, AvroDefinition>
  readonly namespace: string | undefined
}

/** Reads the `.avsc` files of a directory; each defines one named type, and refers to others by name. */
export function readSchemas(directory: string): AvroDefinition[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.avsc'))
    .sort()
    .map((file) => {
      try {
        return JSON.parse(readFileSync(join(directory, file), 'utf8')) as AvroDefinition
      } catch (cause) {
        throw new InvalidSchemaError(`${file} is not JSON`, { cause })
      }
    })
}

/**
 * The TypeScript module for these schemas: a string-literal union and a list of its symbols per enum; an interface and a
 * typed constant with the whole schema per record. `long` and the timestamps are numbers, `bytes` is a Buffer.
 * @throws {InvalidSchemaError} when a schema refers to a type that none of them defines, or has a union whose branches
 * cannot be told apart by their JavaScript value (two numbers, two records).
 */
export function generateTypes(schemas: readonly AvroDefinition[]): string {
  const named = new Map(schemas.map((schema) => [fullName(schema), schema]))
  const byName = [...schemas].sort((a, b) => (fullName(a) < fullName(b) ? -1 : 1))
  return [
    HEADER,
    ...byName.filter((schema) => schema.type === 'enum').map(enumText),
    ...byName.filter((schema) => schema.type === 'record').map((schema) => recordText(schema, named)),
  ].join('\n')
}

function enumText(schema: AvroDefinition): string {
  const symbols = schema.symbols ?? []
  const list = `${schema.name?.charAt(0).toLowerCase()}${schema.name?.slice(1)}Symbols`
  return [
    `/** The symbols of {@link ${schema.name}} in their order. */`,
    `export const ${list} = [${symbols.map(quote).join(', ')}] as const`,
    comment('', schema.doc),
    `export type ${schema.name} = (typeof ${list})[number]`,
    '',
  ].join('\n')
}

function recordText(schema: AvroDefinition, named: Scope['named']): string {
  const fields = schema.fields ?? []
  const scope = { named, namespace: schema.namespace }
  const withDefault = fields.filter((field) => 'default' in field).map((field) => quote(field.name))
  const args = [schema.name, ...(withDefault.length > 0 ? [withDefault.join(' | ')] : [])].join(', ')
  return [
    comment('', schema.doc),
    `export interface ${schema.name} {`,
    ...fields.flatMap((field) => fieldText(field, scope)),
    '}',
    '',
    `export const ${schema.name}: AvroType<${args}> = defineAvroType(${JSON.stringify(selfContained(schema, named))})`,
    '',
  ].join('\n')
}

function fieldText(field: AvroField, scope: Scope): string[] {
  return [comment('  ', field.doc), `  readonly ${field.name}: ${typeText(field.type, scope)}`]
}

function typeText(schema: AvroSchema, scope: Scope): string {
  if (typeof schema === 'string') return PRIMITIVES[schema] ?? qualify(schema, scope.namespace).replace(/^.*\./, '')
  if (isUnion(schema)) {
    refuseAmbiguous(schema, scope)
    return schema
      .map((branch) => typeText(branch, scope))
      .sort((a, b) => Number(a === 'null') - Number(b === 'null'))
      .join(' | ')
  }
  switch (schema.type) {
    case 'array': {
      const item = typeText(schema.items ?? 'null', scope)
      return `readonly ${item.includes(' ') ? `(${item})` : item}[]`
    }
    case 'map':
      return `Readonly<Record<string, ${typeText(schema.values ?? 'null', scope)}>>`
    case 'record':
    case 'enum':
    case 'fixed':
      throw new InvalidSchemaError(`${schema.name} is defined inside another type: give it a file of its own`)
    default:
      return typeText(schema.type, scope)
  }
}

function refuseAmbiguous(union: readonly AvroSchema[], scope: Scope): void {
  const kinds = union.map((branch) => valueKind(branch, scope))
  if (new Set(kinds).size < kinds.length)
    throw new InvalidSchemaError(
      `the branches of the union ${JSON.stringify(union)} cannot be told apart by their value`,
    )
}

function valueKind(schema: AvroSchema, scope: Scope): string {
  if (isUnion(schema)) return 'union'
  const type = typeof schema === 'string' ? schema : schema.type
  if (typeof type !== 'string') return valueKind(type, scope)
  const definition = PRIMITIVES[type] ? undefined : scope.named.get(qualify(type, scope.namespace))
  if (definition) return valueKind(definition, scope)
  if (type === 'enum') return 'string'
  if (type === 'fixed') return 'Buffer'
  return type === 'record' || type === 'map' ? 'object' : (PRIMITIVES[type] ?? type)
}

function comment(indent: string, doc: string | undefined): string {
  return `${indent}/** ${(doc ?? '').replaceAll('*/', '*\\/')} */`
}

function quote(text: string): string {
  return `'${text}'`
}
