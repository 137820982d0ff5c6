import type { AvroDefinition, AvroSchema } from './avro-type.ts'
import { InvalidSchemaError } from './errors.ts'

const PRIMITIVES = new Set(['null', 'boolean', 'int', 'long', 'float', 'double', 'bytes', 'string'])

export function isPrimitive(name: string): boolean {
  return PRIMITIVES.has(name)
}

/** A name with its namespace, as Avro resolves it inside `namespace`. */
export function qualify(name: string, namespace: string | undefined): string {
  return name.includes('.') || !namespace ? name : `${namespace}.${name}`
}

/** @throws {InvalidSchemaError} when the definition has no name. */
export function fullName(schema: AvroDefinition): string {
  if (schema.name === undefined) throw new InvalidSchemaError('a schema file must define a named type')
  return qualify(schema.name, schema.namespace)
}

export function isUnion(schema: AvroSchema): schema is readonly AvroSchema[] {
  return Array.isArray(schema)
}

/**
 * The schema with every named type written out where it is first used, as a registry needs it. `named` holds the types it may
 * refer to, by full name.
 * @throws {InvalidSchemaError} when it refers to a type that is not there.
 */
export function selfContained(schema: AvroSchema, named: ReadonlyMap<string, AvroDefinition>): AvroSchema {
  const defined = new Set<string>()
  const inline = (node: AvroSchema, namespace: string | undefined): AvroSchema => {
    if (typeof node === 'string') {
      if (isPrimitive(node)) return node
      const name = qualify(node, namespace)
      if (defined.has(name)) return name
      const definition = named.get(name)
      if (!definition) throw new InvalidSchemaError(`no schema defines ${name}`)
      return inline(definition, namespace)
    }
    if (isUnion(node)) return node.map((branch) => inline(branch, namespace))
    const inner = node.namespace ?? (node.name?.includes('.') ? node.name.replace(/\.[^.]*$/, '') : namespace)
    if (node.name !== undefined) defined.add(qualify(node.name, inner))
    return {
      ...node,
      ...(node.fields ? { fields: node.fields.map((f) => ({ ...f, type: inline(f.type, inner) })) } : {}),
      ...(node.items !== undefined ? { items: inline(node.items, inner) } : {}),
      ...(node.values !== undefined ? { values: inline(node.values, inner) } : {}),
    }
  }
  return inline(schema, undefined)
}
