import type { RepartitionBlueprint, SerdeBlueprint, StoreBlueprint, TopologyBlueprint } from './blueprint.ts'

/**
 * `compatible`: goes on from what is there. `rename`: what was built up is there under another name and would be left behind.
 * `rebuild`: what is there cannot be gone on from.
 */
export type Verdict = 'compatible' | 'rename' | 'rebuild'

export type ItemKind = 'store' | 'repartition topic' | 'sub-topology'

export interface PlanItem {
  readonly kind: ItemKind
  readonly name: string
  readonly verdict: Verdict
  readonly change: 'same' | 'new' | 'removed' | 'changed' | 'renamed'
  /** What differs and what to do about it, in sentences. */
  readonly reasons: readonly string[]
}

/** Pure: what becomes of everything that is deployed, and of everything that is new, when `next` takes over. */
export function compareBlueprints(next: TopologyBlueprint, deployed: TopologyBlueprint): readonly PlanItem[] {
  return [
    ...compareStores(next.stores, deployed.stores),
    ...compareRepartitionTopics(next.repartitionTopics, deployed.repartitionTopics),
    ...compareSubtopologies(next, deployed),
  ]
}

function compareStores(next: readonly StoreBlueprint[], deployed: readonly StoreBlueprint[]): PlanItem[] {
  const { kept, added, removed, renamed } = matched(
    next,
    deployed,
    (s) => s.name,
    (s) => [s.type, s.key.name, s.value.name, s.windowSizeMs, s.retainDuplicates, s.inputs.map(withoutNumbers)],
  )
  return [
    ...kept.map(([now, before]) => storeItem(now, before)),
    ...renamed.map(([now, before]) => ({
      kind: 'store' as const,
      name: now.name,
      verdict: 'rename' as const,
      change: 'renamed' as const,
      reasons: [
        `it has the plan of ${before.name}, which is gone: under its new name it begins empty. Keep the state by naming it as before: { store: '${before.name}' }`,
      ],
    })),
    ...added.map(({ name }) => item('store', name, 'new', ['it begins empty: records read before are not in it'])),
    ...removed.map(({ name, changelog, isSourceTopic }) =>
      item('store', name, 'removed', [
        changelog === null || isSourceTopic
          ? 'its local state is left behind'
          : `its changelog ${changelog} is left behind: delete the topic when nobody goes back`,
      ]),
    ),
  ]
}

function storeItem(now: StoreBlueprint, before: StoreBlueprint): PlanItem {
  const rebuild: string[] = []
  const notes: string[] = []
  if (now.type !== before.type) rebuild.push(`it was a ${before.type} store and is a ${now.type} store`)
  rebuild.push(...serdeProblems('keys', now.key, before.key, notes))
  rebuild.push(...serdeProblems('values', now.value, before.value, notes))
  if (now.windowSizeMs !== before.windowSizeMs)
    rebuild.push(
      `windows were ${ms(before.windowSizeMs)} long and are ${ms(now.windowSizeMs)}: the rows have their starts only`,
    )
  if ((now.retainDuplicates ?? false) !== (before.retainDuplicates ?? false))
    rebuild.push(
      `it ${now.retainDuplicates ? 'keeps' : 'does not keep'} several rows of a key and time, other than before`,
    )
  if ((now.comesDue ?? false) !== (before.comesDue ?? false))
    rebuild.push(`its rows ${now.comesDue ? 'come due, those that are there would not' : 'do not come due any more'}`)
  if (isGenerated(now.name) && !sameTexts(now.inputs.map(withoutNumbers), before.inputs.map(withoutNumbers)))
    rebuild.push(
      `its generated name was that of a store fed by ${list(before.inputs)} and now is of one fed by ${list(now.inputs)}: name stores explicitly`,
    )
  rebuild.push(...changelogProblems(now, before))
  if (now.persistent !== before.persistent && now.changelog === null && rebuild.length === 0)
    rebuild.push('it has no changelog from which it could be restored to its new place')
  notes.push(...storeNotes(now, before))
  if (rebuild.length > 0) return { ...item('store', now.name, 'changed', rebuild), verdict: 'rebuild' }
  return item('store', now.name, notes.length === 0 ? 'same' : 'changed', notes)
}

function changelogProblems(now: StoreBlueprint, before: StoreBlueprint): string[] {
  if (now.changelog === before.changelog || now.changelog === null) return []
  if (before.changelog === null) return [`it had no changelog: ${now.changelog} begins empty`]
  return [`it was restored from ${before.changelog} and is from ${now.changelog}, which does not have the same records`]
}

function storeNotes(now: StoreBlueprint, before: StoreBlueprint): string[] {
  const notes: string[] = []
  if (now.subtopology !== before.subtopology)
    notes.push(
      `it moves from sub-topology ${before.subtopology} to ${now.subtopology}: local state is restored from the changelog`,
    )
  if (now.persistent !== before.persistent)
    notes.push(`it is ${now.persistent ? 'on disk' : 'in memory'} now: restored from the changelog`)
  if (now.changelog === null && before.changelog !== null) notes.push('it has no changelog any more')
  for (const [what, is, was] of [
    ['retention', now.retentionMs, before.retentionMs],
    ['history', now.historyRetentionMs, before.historyRetentionMs],
  ] as const)
    if (is !== was)
      notes.push(
        `its ${what} was ${ms(was)} and is ${ms(is)}: the topic configs of the changelog stay as they are, alter them`,
      )
  return notes
}

function serdeProblems(what: string, now: SerdeBlueprint, before: SerdeBlueprint, notes: string[]): string[] {
  if (now.name !== before.name) return [`${what} were written as ${before.name} and are read as ${now.name}`]
  if (JSON.stringify(now.schema) === JSON.stringify(before.schema)) return []
  if (now.readProblems === undefined)
    return [`the schema of the ${what} has changed, and nobody can say whether it reads the old one`]
  const problems = now.readProblems(before.schema)
  if (problems.length === 0) notes.push(`the schema of the ${what} has changed and reads what is there`)
  return problems.map((problem) => `${what}: ${problem}`)
}

function compareRepartitionTopics(
  next: readonly RepartitionBlueprint[],
  deployed: readonly RepartitionBlueprint[],
): PlanItem[] {
  const { kept, added, removed, renamed } = matched(
    next,
    deployed,
    (t) => t.topic,
    (t) => [withoutNumbers(t.topic), t.key.name, t.value.name],
  )
  const drain = (topic: string): string =>
    `what is unread in ${topic} stays unread: stop the application only when its lag there is 0`
  return [
    ...kept.map(([now, before]) => {
      const notes: string[] = []
      const problems = [
        ...serdeProblems('keys', now.key, before.key, notes),
        ...serdeProblems('values', now.value, before.value, notes),
      ]
      if (problems.length > 0)
        return { ...item('repartition topic', now.topic, 'changed', problems), verdict: 'rebuild' as const }
      return item('repartition topic', now.topic, notes.length === 0 ? 'same' : 'changed', notes)
    }),
    ...renamed.map(([now, before]) => ({
      ...item('repartition topic', now.topic, 'renamed', [
        `it takes the place of ${before.topic}; ${drain(before.topic)}`,
      ]),
      verdict: 'rename' as const,
    })),
    ...added.map(({ topic }) => item('repartition topic', topic, 'new', ['it is created'])),
    ...removed.map(({ topic }) => item('repartition topic', topic, 'removed', [drain(topic)])),
  ]
}

function compareSubtopologies(next: TopologyBlueprint, deployed: TopologyBlueprint): PlanItem[] {
  const nameOf = ({ sources }: { readonly sources: readonly string[] }): string => list(sources.map(withoutNumbers))
  const before = new Map(deployed.subtopologies.map((s) => [nameOf(s), s]))
  const now = new Set(next.subtopologies.map(nameOf))
  return [
    ...next.subtopologies.map((s) => {
      const old = before.get(nameOf(s))
      const name = `${s.id} (${list(s.sources)})`
      if (old === undefined) return item('sub-topology', name, 'new', ['no sub-topology had these inputs'])
      if (old.id === s.id) return item('sub-topology', name, 'same', [])
      return item('sub-topology', name, 'changed', [
        `it was number ${old.id}: its tasks have new ids, and their local state is restored from the changelogs`,
      ])
    }),
    ...deployed.subtopologies
      .filter((s) => !now.has(nameOf(s)))
      .map((s) => item('sub-topology', `${s.id} (${list(s.sources)})`, 'removed', ['none has these inputs any more'])),
  ]
}

interface Matched<T> {
  readonly kept: readonly (readonly [now: T, before: T])[]
  readonly renamed: readonly (readonly [now: T, before: T])[]
  readonly added: readonly T[]
  readonly removed: readonly T[]
}

/** By name; what is left over on both sides by what it is, in order. */
function matched<T>(
  next: readonly T[],
  deployed: readonly T[],
  nameOf: (one: T) => string,
  traitsOf: (one: T) => readonly unknown[],
): Matched<T> {
  const before = new Map(deployed.map((one) => [nameOf(one), one]))
  const names = new Set(next.map(nameOf))
  const gone = deployed.filter((one) => !names.has(nameOf(one)))
  const kept: [T, T][] = []
  const renamed: [T, T][] = []
  const added: T[] = []
  for (const one of next) {
    const old = before.get(nameOf(one))
    if (old !== undefined) {
      kept.push([one, old])
      continue
    }
    const traits = JSON.stringify(traitsOf(one))
    const at = gone.findIndex((other) => JSON.stringify(traitsOf(other)) === traits)
    if (at < 0) added.push(one)
    else renamed.push([one, ...gone.splice(at, 1)] as [T, T])
  }
  return { kept, renamed, added, removed: gone }
}

function item(kind: ItemKind, name: string, change: PlanItem['change'], reasons: readonly string[]): PlanItem {
  return { kind, name, verdict: 'compatible', change, reasons }
}

const GENERATED_NUMBER = /-\d{10}(?=-|$)/g

function isGenerated(name: string): boolean {
  return /-\d{10}(-|$)/.test(name)
}

/** Names that the DSL makes up have the number of their node. */
function withoutNumbers(name: string): string {
  return name.replaceAll(GENERATED_NUMBER, '')
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, i) => text === b[i])
}

function list(texts: readonly string[]): string {
  return texts.length === 0 ? 'nothing' : texts.join(', ')
}

function ms(value: number | undefined): string {
  return value === undefined ? 'not set' : value === Number.MAX_SAFE_INTEGER ? 'for ever' : `${value} ms`
}
