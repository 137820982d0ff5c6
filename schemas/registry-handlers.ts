import { AvroCodec } from './avro-codec.ts'
import type { AvroSchema } from './avro-type.ts'
import { type Compatibility, type EarlierSchema, incompatibilities, isCompatibility } from './compatibility.ts'
import { InvalidSchemaError } from './errors.ts'
import type { RegistryFile } from './registry-file.ts'
import { faults, ok, type Reply } from './registry-replies.ts'
import {
  addVersion,
  idOf,
  ownCompatibility,
  type RegistryState,
  removeVersions,
  type StoredVersion,
  schemaText,
  setCompatibility,
  versionsOf,
} from './registry-state.ts'

/** A request as a route sees it: decoded path parameters, query, and the parsed body. */
export interface RegistryRequest {
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: Readonly<Record<string, unknown>>
}

export type Handler = (request: RegistryRequest) => Reply | Promise<Reply>

/** What each route of the embedded registry does, by name; answers and errors are those of Confluent's registry. */
export function registryHandlers(file: RegistryFile) {
  return {
    root: () => ok({}),
    types: () => ok(['AVRO']),
    mode: () => ok({ mode: 'READWRITE' }),

    subjects({ query }) {
      const prefix = query.get('subjectPrefix') ?? ''
      const names = Object.keys(file.state.subjects).filter((subject) => subject.startsWith(prefix))
      return ok(names.filter((name) => versionsOf(file.state, name, isSet(query, 'deleted')).length > 0).sort())
    },

    versions({ params, query }) {
      return ok(existing(file.state, param(params, 'subject'), isSet(query, 'deleted')).map(({ version }) => version))
    },

    version({ params, query }) {
      const subject = param(params, 'subject')
      const found = pick(existing(file.state, subject, isSet(query, 'deleted')), param(params, 'version'))
      return ok({ ...described(file.state, subject, found) })
    },

    versionSchema({ params, query }) {
      const found = pick(
        existing(file.state, param(params, 'subject'), isSet(query, 'deleted')),
        param(params, 'version'),
      )
      return ok(parseText(textOf(file.state, found.schemaId)))
    },

    referencedBy({ params }) {
      pick(existing(file.state, param(params, 'subject'), false), param(params, 'version'))
      return ok([])
    },

    lookup({ params, query, body }) {
      const subject = param(params, 'subject')
      const versions = existing(file.state, subject, isSet(query, 'deleted'))
      const id = idOf(file.state, schemaOf(body))
      const found = versions.findLast((version) => version.schemaId === id)
      if (!found) throw faults.noSchema()
      return ok(described(file.state, subject, found))
    },

    async register({ params, body }) {
      const subject = param(params, 'subject')
      const schema = schemaOf(body)
      const id = await file.update((state) => {
        const known = idOf(state, schema)
        const versions = versionsOf(state, subject)
        if (known !== undefined && versions.some((version) => version.schemaId === known))
          return { state, result: known }
        const differences = incompatibilities(schema, earlier(state, versions), levelOf(state, subject))
        if (differences.length > 0) throw faults.incompatible(subject, differences)
        const added = addVersion(state, subject, String(body['schema']))
        return { state: added.state, result: added.id }
      })
      return ok({ id })
    },

    async deleteSubject({ params, query }) {
      const subject = param(params, 'subject')
      const permanent = isSet(query, 'permanent')
      return file.update((state) => {
        const all = versionsOf(state, subject, true)
        const alive = versionsOf(state, subject)
        if (all.length === 0) throw faults.noSubject(subject)
        if (!permanent && alive.length === 0) throw faults.subjectDeleted(subject)
        if (permanent && alive.length > 0) throw faults.subjectNotDeleted(subject)
        const gone = permanent ? all : alive
        return {
          state: removeVersions(state, subject, () => true, permanent),
          result: ok(gone.map(({ version }) => version)),
        }
      })
    },

    async deleteVersion({ params, query }) {
      const subject = param(params, 'subject')
      const permanent = isSet(query, 'permanent')
      return file.update((state) => {
        const found = pick(existing(state, subject, true), param(params, 'version'))
        if (!permanent && found.deleted) throw faults.versionDeleted(subject, found.version)
        if (permanent && !found.deleted) throw faults.versionNotDeleted(subject, found.version)
        const chosen = (version: StoredVersion) => version.version === found.version
        return { state: removeVersions(state, subject, chosen, permanent), result: ok(found.version) }
      })
    },

    schemaById({ params }) {
      return ok({ schema: textOf(file.state, idParam(params)) })
    },

    rawSchemaById({ params }) {
      return ok(parseText(textOf(file.state, idParam(params))))
    },

    versionsById({ params, query }) {
      return ok(usesOf(file.state, idParam(params), isSet(query, 'deleted')))
    },

    subjectsById({ params, query }) {
      const uses = usesOf(file.state, idParam(params), isSet(query, 'deleted'))
      return ok([...new Set(uses.map(({ subject }) => subject))])
    },

    config: () => ok({ compatibilityLevel: file.state.compatibility }),

    subjectConfig({ params, query }) {
      const subject = param(params, 'subject')
      const own = ownCompatibility(file.state, subject)
      if (own === undefined && !isSet(query, 'defaultToGlobal')) throw faults.noOwnLevel(subject)
      return ok({ compatibilityLevel: own ?? file.state.compatibility })
    },

    async setConfig({ params, body }) {
      const level = levelIn(body)
      await file.update((state) => ({ state: setCompatibility(state, params['subject'], level), result: undefined }))
      return ok({ compatibility: level })
    },

    async deleteConfig({ params }) {
      const subject = params['subject']
      const before = await file.update((state) => {
        const own = subject === undefined ? state.compatibility : ownCompatibility(state, subject)
        if (own === undefined) throw faults.noOwnLevel(String(subject))
        return { state: setCompatibility(state, subject, undefined), result: own }
      })
      return ok({ compatibilityLevel: before })
    },

    compatible({ params, query, body }) {
      const subject = param(params, 'subject')
      const wanted = params['version']
      const all = versionsOf(file.state, subject)
      const versions = wanted === undefined ? all : [pick(existing(file.state, subject, false), wanted)]
      const differences = incompatibilities(schemaOf(body), earlier(file.state, versions), levelOf(file.state, subject))
      const messages = isSet(query, 'verbose') ? { messages: differences } : {}
      return ok({ is_compatible: differences.length === 0, ...messages })
    },
  } satisfies Record<string, Handler>
}

export type HandlerName = keyof ReturnType<typeof registryHandlers>

function schemaOf(body: RegistryRequest['body']): AvroSchema {
  const { schema, schemaType = 'AVRO', references } = body
  if (typeof schema !== 'string' || schema === '') throw faults.invalidSchema('the body has no "schema"')
  if (schemaType !== 'AVRO') throw faults.invalidSchema(`schema type ${String(schemaType)} is not AVRO`)
  if (Array.isArray(references) && references.length > 0)
    throw faults.invalidSchema('references to other subjects are not taken: write the named types out')
  try {
    const parsed = parseText(schema)
    new AvroCodec(parsed)
    return parsed
  } catch (error) {
    if (error instanceof InvalidSchemaError || error instanceof SyntaxError) throw faults.invalidSchema(error.message)
    throw error
  }
}

function parseText(text: string): AvroSchema {
  return JSON.parse(text) as AvroSchema
}

function textOf(state: RegistryState, id: number): string {
  const text = schemaText(state, id)
  if (text === undefined) throw faults.noSchema(id)
  return text
}

function usesOf(state: RegistryState, id: number, withDeleted: boolean): { subject: string; version: number }[] {
  textOf(state, id)
  return Object.keys(state.subjects).flatMap((subject) =>
    versionsOf(state, subject, withDeleted)
      .filter((version) => version.schemaId === id)
      .map(({ version }) => ({ subject, version })),
  )
}

function existing(state: RegistryState, subject: string, withDeleted: boolean): readonly StoredVersion[] {
  const versions = versionsOf(state, subject, withDeleted)
  if (versions.length === 0) throw faults.noSubject(subject)
  return versions
}

function pick(versions: readonly StoredVersion[], wanted: string): StoredVersion {
  const number = wanted === 'latest' || wanted === '-1' ? versions.at(-1)?.version : Number(wanted)
  if (number === undefined || !Number.isInteger(number) || number < 1) throw faults.invalidVersion(wanted)
  const found = versions.find(({ version }) => version === number)
  if (!found) throw faults.noVersion(wanted)
  return found
}

function described(state: RegistryState, subject: string, { version, schemaId }: StoredVersion) {
  return { subject, version, id: schemaId, schema: textOf(state, schemaId) }
}

function earlier(state: RegistryState, versions: readonly StoredVersion[]): EarlierSchema[] {
  return versions.map(({ version, schemaId }) => ({
    name: `version ${version}`,
    schema: parseText(textOf(state, schemaId)),
  }))
}

function levelOf(state: RegistryState, subject: string): Compatibility {
  return ownCompatibility(state, subject) ?? state.compatibility
}

function levelIn(body: RegistryRequest['body']): Compatibility {
  const level = typeof body['compatibility'] === 'string' ? body['compatibility'].toUpperCase() : undefined
  if (!isCompatibility(level)) throw faults.invalidLevel()
  return level
}

function param(params: RegistryRequest['params'], name: string): string {
  const value = params[name]
  if (value === undefined) throw faults.badRequest(`no ${name} in the path`)
  return value
}

function idParam(params: RegistryRequest['params']): number {
  const id = Number(param(params, 'id'))
  if (!Number.isInteger(id)) throw faults.noRoute()
  return id
}

function isSet(query: URLSearchParams, name: string): boolean {
  return query.get(name)?.toLowerCase() === 'true'
}
