import type { TopicSpec } from '../../kafka/port.ts'
import type { PlanItem } from '../../streams/runtime/deployment/compare-blueprints.ts'

export interface TopicItem extends Omit<PlanItem, 'kind'> {
  readonly kind: 'topic'
}

/** Pure: partition counts of Brook's own topics, as they have to be and as they are. */
export function comparePartitions(
  specs: readonly TopicSpec[],
  existing: ReadonlyMap<string, number>,
): readonly TopicItem[] {
  return specs.flatMap(({ name, partitions }): readonly TopicItem[] => {
    const count = existing.get(name)
    if (count === undefined || count === partitions) return []
    const reason = `it has ${count} partitions and needs ${partitions}: keys are elsewhere. Go back to the old partition counts of the inputs, or reset`
    return [{ kind: 'topic', name, verdict: 'rebuild', change: 'changed', reasons: [reason] }]
  })
}

/** Pure: by names alone, where the application has left no description. A topic that is gone and a new one of the same kind are
 * taken for a rename. */
export function compareTopicNames(specs: readonly TopicSpec[], existing: readonly string[]): readonly TopicItem[] {
  const wanted = new Set(specs.map(({ name }) => name))
  const gone = existing.filter((name) => !wanted.has(name))
  const there = new Set(existing)
  const items = specs.map(({ name }): TopicItem => {
    if (there.has(name)) return topic(name, 'compatible', 'same', [])
    const at = gone.findIndex((other) => kindOf(other) === kindOf(name) && shapeOf(other) === shapeOf(name))
    const old = at < 0 ? undefined : gone.splice(at, 1)[0]
    if (old !== undefined)
      return topic(name, 'rename', 'renamed', [
        `it would begin empty, and ${old} is left behind: if it is the same under another name, keep the name`,
      ])
    return topic(name, 'compatible', 'new', ['it is created'])
  })
  return [
    ...items,
    ...gone.map((name) => topic(name, 'compatible', 'removed', ['nothing uses it: delete it when nobody goes back'])),
  ]
}

function topic(
  name: string,
  verdict: TopicItem['verdict'],
  change: TopicItem['change'],
  reasons: readonly string[],
): TopicItem {
  return { kind: 'topic', name, verdict, change, reasons }
}

function kindOf(name: string): string {
  return name.slice(name.lastIndexOf('-'))
}

/** Generated names are alike but for their numbers. Names that people gave are all alike: which was renamed to which is a guess. */
function shapeOf(name: string): string {
  return /-\d{10}-/.test(name) ? name.replaceAll(/\d{10}/g, '#') : 'named'
}
