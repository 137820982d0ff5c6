import { overlaps } from './topic-filter.ts'

export type ShardBy = 'filters' | 'shared-subscriptions'

export interface ShardOptions {
  /** Of the one connection, or what those of several begin with. */
  readonly clientId: string
  readonly filters: readonly string[]
  readonly shards: number
  readonly by: ShardBy
  /** Name of the shared subscriptions. */
  readonly group: string
}

/** One connection of several: its fixed client id, and what it is subscribed to. */
export interface Shard {
  /** From 1. */
  readonly number: number
  readonly clientId: string
  readonly filters: readonly string[]
}

/**
 * Deals the filters out to connections. By filters, each filter is on one connection, and those that can match the same topic are
 * together: the messages of a topic stay in order and come once. Shared subscriptions have every filter on every connection, and
 * the broker deals out the messages, by its own rule.
 */
export function shardsOf({ clientId, filters, shards, by, group }: ShardOptions): readonly Shard[] {
  if (shards === 1) return [{ number: 1, clientId, filters }]
  const lists =
    by === 'shared-subscriptions'
      ? Array.from({ length: shards }, () => filters.map((filter) => `$share/${group}/${filter}`))
      : dealtOut(together(filters), shards)
  return lists.map((list, i) => ({ number: i + 1, clientId: `${clientId}-${i + 1}`, filters: list }))
}

/** Filters that overlap, directly or over others, in one list. */
function together(filters: readonly string[]): readonly (readonly string[])[] {
  return filters.reduce<readonly (readonly string[])[]>((groups, filter) => {
    const touched = groups.filter((group) => group.some((other) => overlaps(filter, other)))
    return [...groups.filter((group) => !touched.includes(group)), [...touched.flat(), filter]]
  }, [])
}

/** The largest groups first, each to the connection that has the fewest filters; always the same for the same filters. */
function dealtOut(groups: readonly (readonly string[])[], shards: number): readonly (readonly string[])[] {
  const lists: string[][] = Array.from({ length: shards }, () => [])
  const ordered = groups
    .map((group) => [...group].sort())
    .sort((a, b) => b.length - a.length || ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1))
  for (const group of ordered) {
    const least = lists.reduce((fewest, list) => (list.length < fewest.length ? list : fewest))
    least.push(...group)
  }
  return lists
}
