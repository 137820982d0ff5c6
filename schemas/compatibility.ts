import { AvroCodec } from './avro-codec.ts'
import type { AvroSchema } from './avro-type.ts'
import { InvalidSchemaError } from './errors.ts'
import { schemaDifferences } from './schema-differences.ts'

/**
 * What a new schema of a subject must be to those before it. BACKWARD: it reads what they wrote. FORWARD: they read what it
 * writes. FULL: both. Without TRANSITIVE only the latest version counts.
 */
export type Compatibility =
  | 'NONE'
  | 'BACKWARD'
  | 'BACKWARD_TRANSITIVE'
  | 'FORWARD'
  | 'FORWARD_TRANSITIVE'
  | 'FULL'
  | 'FULL_TRANSITIVE'

interface Rule {
  readonly backward: boolean
  readonly forward: boolean
  readonly transitive: boolean
}

const RULES: Readonly<Record<Compatibility, Rule>> = {
  NONE: { backward: false, forward: false, transitive: false },
  BACKWARD: { backward: true, forward: false, transitive: false },
  BACKWARD_TRANSITIVE: { backward: true, forward: false, transitive: true },
  FORWARD: { backward: false, forward: true, transitive: false },
  FORWARD_TRANSITIVE: { backward: false, forward: true, transitive: true },
  FULL: { backward: true, forward: true, transitive: false },
  FULL_TRANSITIVE: { backward: true, forward: true, transitive: true },
}

/** A schema that is registered already, and what to call it in a sentence. */
export interface EarlierSchema {
  readonly name: string
  readonly schema: AvroSchema
}

export function isCompatibility(text: unknown): text is Compatibility {
  return typeof text === 'string' && Object.hasOwn(RULES, text)
}

/** Why data written with `writer` cannot be read with `reader`, in sentences; empty when it can. avsc has the last word. */
export function readProblems(reader: EarlierSchema, writer: EarlierSchema): string[] {
  try {
    new AvroCodec(reader.schema).readerOf(new AvroCodec(writer.schema))
    return []
  } catch (error) {
    if (!(error instanceof InvalidSchemaError)) throw error
    const differences = schemaDifferences(reader.schema, writer.schema, { reader: reader.name, writer: writer.name })
    return differences.length > 0 ? differences : [`${reader.name} cannot read ${writer.name}: ${error.message}`]
  }
}

/** Why `next` may not follow `earlier` (oldest first) at this level, in sentences; empty when it may. */
export function incompatibilities(next: AvroSchema, earlier: readonly EarlierSchema[], level: Compatibility): string[] {
  const rule = RULES[level]
  const added = { name: 'the new schema', schema: next }
  const against = rule.transitive ? earlier : earlier.slice(-1)
  return against.flatMap((old) => [
    ...(rule.backward ? readProblems(added, old) : []),
    ...(rule.forward ? readProblems(old, added) : []),
  ])
}
