/** An Avro schema as parsed JSON: a type's name, a definition, or a union. */
export type AvroSchema = string | AvroDefinition | readonly AvroSchema[]

/** The definition of an Avro type; which properties it has depends on `type`. */
export interface AvroDefinition {
  readonly type: AvroSchema
  readonly name?: string
  readonly namespace?: string
  readonly doc?: string
  readonly logicalType?: string
  readonly fields?: readonly AvroField[]
  readonly symbols?: readonly string[]
  readonly items?: AvroSchema
  readonly values?: AvroSchema
  readonly size?: number
  readonly aliases?: readonly string[]
  /** The symbol of an enum that stands for those that the reader does not know. */
  readonly default?: unknown
}

export interface AvroField {
  readonly name: string
  readonly type: AvroSchema
  readonly doc?: string
  readonly default?: unknown
  readonly aliases?: readonly string[]
}

declare const shape: unique symbol

/**
 * A record type of the schemas: its name, its whole schema (nothing is left by reference), and the values of those fields
 * that have a default. `T` is the TypeScript type of its values, `D` the names of the fields with a default.
 */
export interface AvroType<T, D extends keyof T = never> {
  /** Such as `building.Reading`. */
  readonly name: string
  readonly schema: AvroDefinition
  readonly defaults: Readonly<Pick<T, D>>
  readonly [shape]?: T
}

/** The value type of an {@link AvroType}. */
export type AvroValue<A> = A extends AvroType<infer T> ? T : never

/** A record type from its schema. Used by the generated types; call it yourself for schemas of your own. */
export function defineAvroType<T, D extends keyof T = never>(schema: AvroDefinition): AvroType<T, D> {
  const defaults: Record<string, unknown> = {}
  for (const field of schema.fields ?? []) {
    if (!('default' in field)) continue
    const { default: value } = field
    defaults[field.name] = typeof value === 'object' && value !== null ? Object.freeze(structuredClone(value)) : value
  }
  const name = schema.namespace ? `${schema.namespace}.${schema.name}` : `${schema.name}`
  return { name, schema, defaults: Object.freeze(defaults) as Readonly<Pick<T, D>> }
}

/** A whole value from one in which fields with a default may be missing. */
export function withDefaults<T, D extends keyof T>(type: AvroType<T, D>, value: Omit<T, D> & Partial<Pick<T, D>>): T {
  return { ...type.defaults, ...value } as T
}
