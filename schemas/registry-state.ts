import type { AvroSchema } from './avro-type.ts'
import type { Compatibility } from './compatibility.ts'

/** All that the embedded registry knows; plain JSON, never changed in place. */
export interface RegistryState {
  readonly nextId: number
  readonly schemas: readonly StoredSchema[]
  readonly subjects: Readonly<Record<string, readonly StoredVersion[]>>
  readonly compatibility: Compatibility
  readonly subjectCompatibility: Readonly<Record<string, Compatibility>>
}

export interface StoredSchema {
  readonly id: number
  /** The text as it was first registered. */
  readonly text: string
}

/** One version of a subject; deleted ones are kept, so that what was written with them can be read. */
export interface StoredVersion {
  readonly version: number
  readonly schemaId: number
  readonly deleted: boolean
}

export const EMPTY_STATE: RegistryState = {
  nextId: 1,
  schemas: [],
  subjects: {},
  compatibility: 'BACKWARD',
  subjectCompatibility: {},
}

/** A text that is equal for schemas that differ in nothing but white space and the order of their properties. */
export function canonical(schema: AvroSchema): string {
  return JSON.stringify(sorted(schema))
}

export function schemaText(state: RegistryState, id: number): string | undefined {
  return state.schemas.find((schema) => schema.id === id)?.text
}

export function idOf(state: RegistryState, schema: AvroSchema): number | undefined {
  const wanted = canonical(schema)
  return state.schemas.find((stored) => canonicalOf(stored) === wanted)?.id
}

const canonicalTexts = new WeakMap<StoredSchema, string>()

function canonicalOf(stored: StoredSchema): string {
  const known = canonicalTexts.get(stored)
  if (known !== undefined) return known
  const text = canonical(JSON.parse(stored.text) as AvroSchema)
  canonicalTexts.set(stored, text)
  return text
}

/** The versions of a subject, oldest first; deleted ones only when asked. */
export function versionsOf(state: RegistryState, subject: string, withDeleted = false): readonly StoredVersion[] {
  const versions = Object.hasOwn(state.subjects, subject) ? (state.subjects[subject] ?? []) : []
  return withDeleted ? versions : versions.filter((version) => !version.deleted)
}

/** Adds a version; the schema keeps its id when any subject has had it before. Ids are never given twice. */
export function addVersion(state: RegistryState, subject: string, text: string): { state: RegistryState; id: number } {
  const known = idOf(state, JSON.parse(text) as AvroSchema)
  const id = known ?? state.nextId
  const all = versionsOf(state, subject, true)
  const version = { version: (all.at(-1)?.version ?? 0) + 1, schemaId: id, deleted: false }
  return {
    id,
    state: {
      ...state,
      nextId: known === undefined ? id + 1 : state.nextId,
      schemas: known === undefined ? [...state.schemas, { id, text }] : state.schemas,
      subjects: put(state.subjects, subject, [...all, version]),
    },
  }
}

/** Marks versions as deleted, or drops them for good. Schemas stay: records written with them may be left. */
export function removeVersions(
  state: RegistryState,
  subject: string,
  chosen: (version: StoredVersion) => boolean,
  permanent: boolean,
): RegistryState {
  const all = versionsOf(state, subject, true)
  const left = permanent
    ? all.filter((version) => !chosen(version))
    : all.map((version) => (chosen(version) ? { ...version, deleted: true } : version))
  if (left.length > 0) return { ...state, subjects: put(state.subjects, subject, left) }
  return {
    ...state,
    subjects: omit(state.subjects, subject),
    subjectCompatibility: omit(state.subjectCompatibility, subject),
  }
}

/** Sets the level of a subject, or of the registry; `undefined` takes a subject's own level away. */
export function setCompatibility(
  state: RegistryState,
  subject: string | undefined,
  level: Compatibility | undefined,
): RegistryState {
  if (subject === undefined) return { ...state, compatibility: level ?? EMPTY_STATE.compatibility }
  const subjectCompatibility = level
    ? put(state.subjectCompatibility, subject, level)
    : omit(state.subjectCompatibility, subject)
  return { ...state, subjectCompatibility }
}

/** The level set for this very subject. */
export function ownCompatibility(state: RegistryState, subject: string): Compatibility | undefined {
  return Object.hasOwn(state.subjectCompatibility, subject) ? state.subjectCompatibility[subject] : undefined
}

function put<T>(record: Readonly<Record<string, T>>, key: string, value: T): Readonly<Record<string, T>> {
  return Object.fromEntries([...Object.entries(record).filter(([name]) => name !== key), [key, value]])
}

function omit<T>(record: Readonly<Record<string, T>>, key: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  const only = entries.length === 1 ? entries[0] : undefined
  if (only?.[0] === 'type' && typeof only[1] === 'string') return only[1]
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]))
}
