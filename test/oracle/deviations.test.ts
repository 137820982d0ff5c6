import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { AREAS as FED } from './scenarios/all.ts'
import { CALENDAR } from './scenarios/calendar.ts'
import { NAMING } from './scenarios/naming.ts'
import { PROCESSORS } from './scenarios/processors.ts'

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'semantics.md'), 'utf8')
const section = page.slice(page.indexOf('## Where we differ'), page.indexOf('## What is there'))

const rows = section
  .split('\n')
  .filter((line) => line.startsWith('| ') && !/^\| (---|where)/.test(line))
  .map((line) => line.slice(2, -1).split(' | '))

/** Why a scenario differs, and the beginning of the row that says so. */
const ROWS: Readonly<Record<string, string>> = {
  'a join window with a negative bound: rows leave before the window closes':
    'stream–stream joins whose window has a negative bound',
  'first update of a stream aggregation': 'first update of a stream aggregation',
  'first update of a stream aggregation, without the record cache: the initializer’s value was not there before':
    'first update of a stream aggregation',
  'the first update of a window has no old value': 'first update of a stream aggregation',
  'without the record cache, a record at the time of a one-point session is sent without the old value; ours has it':
    'a record at the time of a one-point session',
  'Kafka Streams loses windows that close when a window starts further ahead than the retention': 'on window close',
  'Kafka Streams loses sessions that close when a record is further ahead than the retention': 'on window close',
  'Kafka Streams hides the oldest windows that a late record looks for':
    'sliding windows: a record that is just not late',
  'with the record cache, a session that has closed is found for as long as it is in the cache; ours is not':
    'a session that has closed',
  'with the default retention the store hides a session that ended exactly gap and grace before stream time, though it is open: a new one takes its place and its results are lost':
    'default retention of sessions',
  'a tombstone in the changelog for a row that came and went within a commit': 'changelogs',
  'old value of suppress': 'old value of what `suppress` sends',
  'the stores of a transformer whose result others compute when they read it': 'a `transformValues` that has stores',
  'inputs of a windowed cogroup at different times': 'inputs of a windowed `cogroup`',
  'a self-join whose window excludes the record itself: joined with itself all the same':
    'optimised self-join of a stream whose window excludes the record itself',
  'the optimised self-join, at the edge of retention: the self pair is lost':
    'optimised self-join of a stream: a record that is the oldest still kept',
  'left and outer self-joins, optimised: records with a null key are dropped':
    'optimised left and outer self-join: records with a null key',
  'inner join of a table with itself: each update twice, and no tombstone ever': 'inner join of a table with itself',
  'suppliers of several sub-topologies that bring one store: each keeps a store of its own, on one changelog':
    'suppliers in several sub-topologies',
  'with the record cache, rows that have left a store of the least recently used are found for as long as the cache has them':
    'a table with `lru`, with the record cache',
  'a result that has to go asks again': 'foreign-key join: a result has to go',
  'a left join with grace stops at a record without a key; here it is joined with nothing, at once':
    'left stream–table join with grace',
  'a deletion at the time of the version that it deletes, before which there was none, is forgotten: an older version that comes later counts as the newest':
    'versioned store: a deletion at the very time',
}

const reasons = new Map<string, string[]>()
for (const [area, scenarios] of Object.entries({ ...FED, calendar: CALENDAR, naming: NAMING, processors: PROCESSORS }))
  for (const [name, scenario] of Object.entries(scenarios)) {
    const why = typeof scenario === 'function' ? undefined : scenario.deviation?.why
    if (why !== undefined) reasons.set(why, [...(reasons.get(why) ?? []), `${area}/${name}`])
  }

describe('where we differ from Kafka Streams', () => {
  it('a row says where, what each does, and why', () => {
    expect(rows.length).toBeGreaterThan(30)
    expect(rows.filter((row) => row.length !== 4 || row.some((cell) => cell.trim() === ''))).toEqual([])
  })

  it.each([...reasons])('there is a row for: %s', (why, scenarios) => {
    const begins = ROWS[why]
    expect(begins, `the row of docs/semantics.md for ${scenarios.join(', ')}`).toBeDefined()
    expect(rows.filter(([where]) => where?.startsWith(begins ?? '?')).length).toBeGreaterThan(0)
  })

  it('no row is told of by a reason that there is no more', () => {
    expect(Object.keys(ROWS).filter((why) => !reasons.has(why))).toEqual([])
  })
})
