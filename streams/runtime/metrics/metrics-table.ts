import { METRICS, type MetricSpec } from './metric-catalogue.ts'

const SUFFIX = /-(?:rate|total|avg|max|min)$/

/** The catalogue as a table of Markdown: a row for what belongs together, such as the average and the largest of the same thing. */
export function metricsTable(): string {
  const lines = ['| metric | level | meaning |', '| --- | --- | --- |']
  const groups = Map.groupBy(METRICS, (spec) => spec.group)
  for (const [group, specs] of groups) {
    const tags = commonTags(specs)
    lines.push(`| **${group}** (${tags.map(escaped).join(', ')}) | | |`)
    for (const family of familiesOf(specs)) lines.push(row(family, tags))
  }
  return `${lines.join('\n')}\n`
}

function familiesOf(specs: readonly MetricSpec[]): readonly (readonly MetricSpec[])[] {
  const families: MetricSpec[][] = []
  for (const spec of specs) {
    const last = families.at(-1)
    if (last?.[0] !== undefined && baseOf(last[0]) === baseOf(spec)) last.push(spec)
    else families.push([spec])
  }
  return families
}

function row(family: readonly MetricSpec[], tagsOfGroup: readonly string[]): string {
  const [first] = family as readonly [MetricSpec]
  const [name, ...others] = family.map((spec) => spec.name)
  const names = [`\`${name}\``, ...others.map((other) => `\`${SUFFIX.exec(other)?.[0]}\``)].join(', ')
  const own = first.isOwn ? ", Brook's own" : ''
  const tags = first.tags.filter((tag) => !tagsOfGroup.includes(tag))
  const more = tags.length === 0 ? '' : ` (${tags.map(escaped).join(', ')})`
  const meaning =
    family.length === 1 ? first.description : first.description.replace(/^Average /, '').replace(/, per second$/, '')
  return `| ${names} | ${first.level}${own} | ${meaning[0]?.toUpperCase()}${meaning.slice(1)}${more} |`
}

/** What the metrics of one thing have in common: a rate and its total, or average and extremes. */
function baseOf({ name }: MetricSpec): string {
  return name.replace(SUFFIX, '')
}

function commonTags(specs: readonly MetricSpec[]): readonly string[] {
  return (specs[0]?.tags ?? []).filter((tag) => specs.every((spec) => spec.tags.includes(tag)))
}

function escaped(tag: string): string {
  return `\`${tag}\``
}
