import { describe, expect, it } from 'vitest'
import * as fc from '../../../../test/support/property.ts'
import { assignTasks } from './assign-tasks.ts'
import type { AssignmentRules, MemberFacts } from './facts.ts'

interface Told {
  readonly active?: string[]
  /** Offset sums of state that it has and does not run. */
  readonly state?: Record<string, number>
  /** Lags of the copies that it follows, as it joined. */
  readonly lags?: Record<string, number>
  readonly process?: string
  readonly tags?: Record<string, string>
}

const member = (
  memberId: string,
  { active = [], state = {}, lags = {}, process = memberId, tags = {} }: Told = {},
): MemberFacts => ({
  memberId,
  processId: process,
  endpoint: undefined,
  tags,
  active,
  offsetSums: new Map(Object.entries(state)),
  lags: new Map(Object.entries(lags)),
})
const END = 50_000
const rules = (stateful: readonly string[], given: Partial<AssignmentRules> = {}): AssignmentRules => ({
  endOffsetSums: new Map(stateful.map((task) => [task, END])),
  numStandbyReplicas: 0,
  acceptableRecoveryLag: 1_000,
  maxWarmupReplicas: 2,
  rackAwareAssignmentTags: [],
  ...given,
})
const tasks = (subtopology: number, count: number): string[] =>
  Array.from({ length: count }, (_, p) => `${subtopology}_${p}`)
const object = (placed: ReadonlyMap<string, readonly string[]>) => Object.fromEntries(placed)
const caughtUp = (...ids: string[]): Record<string, number> => Object.fromEntries(ids.map((id) => [id, END]))

describe('assignTasks without state', () => {
  it.each<[what: string, ids: string[], members: MemberFacts[], expected: Record<string, string[]>]>([
    ['gives everything to the only member', tasks(0, 2), [member('a')], { a: ['0_0', '0_1'] }],
    ['shares evenly', tasks(0, 4), [member('a'), member('b')], { a: ['0_0', '0_2'], b: ['0_1', '0_3'] }],
    [
      'spreads each sub-topology',
      [...tasks(0, 2), ...tasks(1, 2)],
      [member('a'), member('b')],
      { a: ['0_0', '1_0'], b: ['0_1', '1_1'] },
    ],
    [
      'leaves tasks where they run',
      tasks(0, 4),
      [member('a', { active: ['0_1', '0_3'] }), member('b', { active: ['0_0', '0_2'] })],
      { a: ['0_1', '0_3'], b: ['0_0', '0_2'] },
    ],
    [
      'takes the surplus from a member for a new one',
      tasks(0, 4),
      [member('a', { active: tasks(0, 4) }), member('b')],
      { a: ['0_0', '0_1'], b: ['0_2', '0_3'] },
    ],
    [
      'leaves an odd one where it runs',
      tasks(0, 3),
      [member('a'), member('b', { active: tasks(0, 3) })],
      { a: ['0_2'], b: ['0_0', '0_1'] },
    ],
    [
      'takes single tasks of many sub-topologies too',
      ['0_0', '1_0', '2_0', '3_0'],
      [member('a', { active: ['0_0', '1_0', '2_0', '3_0'] }), member('b')],
      { a: ['0_0', '1_0'], b: ['2_0', '3_0'] },
    ],
    [
      'forgets tasks that are no more',
      ['0_0'],
      [member('a', { active: ['7_7'] }), member('b', { active: ['0_0'] })],
      { a: [], b: ['0_0'] },
    ],
    ['has members without a task when there are too few', ['0_0'], [member('a'), member('b')], { a: ['0_0'], b: [] }],
    ['takes partitions of two digits', ['0_10', '0_9', '0_2'], [member('a')], { a: ['0_2', '0_9', '0_10'] }],
  ])('%s', (_what, ids, members, expected) => {
    const { active, isInterim, standby } = assignTasks(ids, members, rules([], { numStandbyReplicas: 1 }))
    expect(object(active)).toEqual(expected)
    expect(isInterim).toBe(false)
    expect([...standby.values()].flat()).toEqual([])
  })
})

describe('assignTasks with state', () => {
  const all = tasks(0, 4)

  it('leaves the tasks of a loaded member with it while a new one warms up copies', () => {
    const placed = assignTasks(all, [member('a', { active: all }), member('b')], rules(all))
    expect(object(placed.active)).toEqual({ a: all, b: [] })
    expect(object(placed.warmup)).toEqual({ a: [], b: ['0_2', '0_3'] })
    expect(object(placed.standby)).toEqual({ a: [], b: ['0_2', '0_3'] })
    expect(placed.isInterim).toBe(true)
  })

  it('gives a member its share of the standbys, though it runs all that is left over', () => {
    const six = tasks(0, 6)
    const halves = { one: ['0_0', '0_2', '0_4'], three: ['0_1', '0_3', '0_5'] }
    const wanted = rules(six, { numStandbyReplicas: 1 })
    // As it is when the third one has warmed up two tasks: the others have copies of each other's.
    let placed = assignTasks(
      six,
      [
        member('one', { active: halves.one, state: caughtUp(...halves.three) }),
        member('three', { active: halves.three, state: caughtUp(...halves.one) }),
        member('two', { state: caughtUp('0_4', '0_5') }),
      ],
      wanted,
    )
    expect(object(placed.active)).toEqual({ one: ['0_0', '0_2'], three: ['0_1', '0_3'], two: ['0_4', '0_5'] })
    const built = placed.standby.get('two') as readonly string[]
    expect([built.length, placed.warmup.get('two'), placed.isInterim]).toEqual([2, built, true])
    placed = assignTasks(
      six,
      [
        member('one', { active: ['0_0', '0_2'], state: caughtUp('0_1', '0_3', '0_4') }),
        member('three', { active: ['0_1', '0_3'], state: caughtUp('0_0', '0_2', '0_5') }),
        member('two', { active: ['0_4', '0_5'], state: caughtUp(...built) }),
      ],
      wanted,
    )
    expect([...placed.standby.values()].map((standby) => standby.length)).toEqual([2, 2, 2])
    expect(placed.standby.get('two')).toEqual(built)
    expect(placed.isInterim).toBe(false)
  })

  it('moves them when the copies have caught up, and is at rest then', () => {
    const warm = [member('a', { active: all }), member('b', { state: caughtUp('0_2', '0_3') })]
    const placed = assignTasks(all, warm, rules(all))
    expect(object(placed.active)).toEqual({ a: ['0_0', '0_1'], b: ['0_2', '0_3'] })
    expect(placed.isInterim).toBe(false)
    expect([...placed.standby.values()].flat()).toEqual([])
  })

  it('does not count a copy as caught up that is behind by more than the acceptable lag', () => {
    const behind = (offset: number) => [
      member('a', { active: all }),
      member('b', { state: { '0_2': offset, '0_3': offset } }),
    ]
    expect(object(assignTasks(all, behind(END - 1_001), rules(all)).active)).toEqual({ a: all, b: [] })
    expect(object(assignTasks(all, behind(END - 1_000), rules(all)).active)['b']).toEqual(['0_2', '0_3'])
  })

  it('takes a copy that had caught up when its member joined for caught up, however far the log has gone on since', () => {
    const joined = member('b', { state: { '0_2': 9, '0_3': 9 }, lags: { '0_2': 1_000, '0_3': 1_001 } })
    const placed = assignTasks(all, [member('a', { active: all }), joined], rules(all))
    expect(object(placed.active)).toEqual({ a: ['0_0', '0_1', '0_3'], b: ['0_2'] })
  })

  it('moves tasks at once whose changelogs are no longer than the acceptable lag', () => {
    const placed = assignTasks(
      all,
      [member('a', { active: all }), member('b')],
      rules(all, { acceptableRecoveryLag: END }),
    )
    expect(object(placed.active)).toEqual({ a: ['0_0', '0_1'], b: ['0_2', '0_3'] })
    expect(placed.isInterim).toBe(false)
  })

  it('warms up no more copies at a time than it may, over all members', () => {
    const many = tasks(0, 12)
    const placed = assignTasks(many, [member('a', { active: many }), member('b'), member('c')], rules(many))
    expect([...placed.warmup.values()].flat()).toHaveLength(2)
    expect(object(placed.active)).toEqual({ a: many, b: [], c: [] })
  })

  it('brings a task of a dead member to the standby that has caught up', () => {
    const members = [member('a', { active: ['0_0', '0_1'] }), member('b', { state: caughtUp('0_2', '0_3') })]
    const placed = assignTasks(all, members, rules(all, { numStandbyReplicas: 1 }))
    expect(object(placed.active)).toEqual({ a: ['0_0', '0_1'], b: ['0_2', '0_3'] })
    expect(object(placed.standby)).toEqual({ a: ['0_2', '0_3'], b: ['0_0', '0_1'] })
  })

  it('brings a task that nobody is caught up for to whoever is furthest', () => {
    const one = ['0_0']
    const members = [member('a', { state: { '0_0': 10_000 } }), member('b', { state: { '0_0': 30_000 } }), member('c')]
    expect(object(assignTasks(one, members, rules(one)).active)).toEqual({ a: [], b: ['0_0'], c: [] })
  })

  it('gives a task that nobody has state of to whose turn it is, without warming anything', () => {
    const placed = assignTasks(all, [member('a'), member('b')], rules(all))
    expect(object(placed.active)).toEqual({ a: ['0_0', '0_2'], b: ['0_1', '0_3'] })
    expect(placed.isInterim).toBe(false)
  })

  it('takes state of another thread of the process for its own, and puts no copy beside it', () => {
    const members = [member('a1', { active: all, process: 'a' }), member('a2', { process: 'a' })]
    const placed = assignTasks(all, members, rules(all, { numStandbyReplicas: 1 }))
    expect(object(placed.active)).toEqual({ a1: ['0_0', '0_1'], a2: ['0_2', '0_3'] })
    expect([...placed.standby.values()].flat()).toEqual([])
    expect(placed.isInterim).toBe(false)
  })

  it('makes nothing wait when the ends of the changelogs could not be asked', () => {
    const unknown = { ...rules([]), endOffsetSums: new Map(all.map((task) => [task, undefined])) }
    const placed = assignTasks(all, [member('a', { active: all }), member('b')], unknown)
    expect(object(placed.active)).toEqual({ a: all, b: [] })
  })
})

describe('assignTasks with standbys', () => {
  const all = tasks(0, 4)
  const three = [member('a'), member('b'), member('c')]

  it('spreads them evenly, never beside the active task', () => {
    const { active, standby } = assignTasks(tasks(0, 6), three, rules(tasks(0, 6), { numStandbyReplicas: 1 }))
    for (const { memberId } of three) {
      expect(standby.get(memberId)).toHaveLength(2)
      for (const task of standby.get(memberId) ?? []) expect(active.get(memberId)).not.toContain(task)
    }
    expect([...standby.values()].flat().sort()).toEqual(tasks(0, 6))
  })

  it('makes only as many as there are other processes', () => {
    const placed = assignTasks(all, [member('a')], rules(all, { numStandbyReplicas: 1 }))
    expect([...placed.standby.values()].flat()).toEqual([])
    const two = assignTasks(all, [member('a'), member('b')], rules(all, { numStandbyReplicas: 2 }))
    expect([...two.standby.values()].flat().sort()).toEqual(all)
  })

  it('makes none of tasks without state', () => {
    const placed = assignTasks([...all, '1_0'], three, rules(all, { numStandbyReplicas: 1 }))
    expect([...placed.standby.values()].flat().sort()).toEqual(all)
  })

  it('leaves them where they are', () => {
    const members = [
      member('a', { active: ['0_0'], state: caughtUp('0_1') }),
      member('b', { active: ['0_1'], state: caughtUp('0_2') }),
      member('c', { active: ['0_2'], state: caughtUp('0_0') }),
    ]
    const placed = assignTasks(tasks(0, 3), members, rules(tasks(0, 3), { numStandbyReplicas: 1 }))
    expect(object(placed.active)).toEqual({ a: ['0_0'], b: ['0_1'], c: ['0_2'] })
    expect(object(placed.standby)).toEqual({ a: ['0_1'], b: ['0_2'], c: ['0_0'] })
    expect(placed.isInterim).toBe(false)
  })

  it('keeps a standby that has caught up until the one in its place has', () => {
    const members = [
      member('a', { active: ['0_0', '0_1'], state: caughtUp('0_2', '0_3') }),
      member('b', { active: ['0_2', '0_3'], state: caughtUp('0_0', '0_1') }),
    ]
    const placed = assignTasks(all, [...members, member('c')], rules(all, { numStandbyReplicas: 1 }))
    for (const task of all) expect([...placed.standby.values()].flat()).toContain(task)
    expect(placed.isInterim).toBe(true)
    expect([...placed.standby.values()].flat().length).toBeLessThanOrEqual(all.length + 2)
  })

  it('puts them where the tags differ most from those of the other copies', () => {
    const members = [
      member('a', { tags: { zone: '1', cluster: 'x' } }),
      member('b', { tags: { zone: '1', cluster: 'y' } }),
      member('c', { tags: { zone: '2', cluster: 'y' } }),
    ]
    const placed = assignTasks(
      ['0_0'],
      members,
      rules(['0_0'], { numStandbyReplicas: 1, rackAwareAssignmentTags: ['zone', 'cluster'] }),
    )
    expect(object(placed.active)['a']).toEqual(['0_0'])
    expect(object(placed.standby)).toEqual({ a: [], b: [], c: ['0_0'] })
  })

  it('still makes them when all stand in one place', () => {
    const members = ['a', 'b'].map((id) => member(id, { tags: { zone: '1' } }))
    const placed = assignTasks(all, members, rules(all, { numStandbyReplicas: 1, rackAwareAssignmentTags: ['zone'] }))
    expect([...placed.standby.values()].flat().sort()).toEqual(all)
  })

  it('swaps a task with its standby where that one is caught up and the member it belongs to is not', () => {
    const members = [member('a'), member('b', { state: caughtUp(...all) })]
    const placed = assignTasks(all, members, rules(all, { numStandbyReplicas: 1 }))
    expect(object(placed.active)).toEqual({ a: [], b: all })
    expect(object(placed.standby)).toEqual({ a: all, b: [] })
    expect(object(placed.warmup)['a']).toEqual(['0_2', '0_3'])
    expect(placed.isInterim).toBe(true)
  })

  it('gives tasks without state to whoever has fewer with it', () => {
    const members = [member('a', { active: ['1_0', '0_0'] }), member('b')]
    expect(object(assignTasks(['0_0', '1_0'], members, rules(['1_0'])).active)).toEqual({ a: ['1_0'], b: ['0_0'] })
  })
})

describe('assignTasks, whatever is told', () => {
  const id = fc.tuple(fc.nat(2), fc.nat(5)).map(([s, p]) => `${s}_${p}`)
  const told = fc.record({
    active: fc.uniqueArray(id, { maxLength: 5 }),
    state: fc.dictionary(id, fc.nat(END)),
    process: fc.constantFrom('p', 'q', 'r', 's'),
    tags: fc.record({ zone: fc.constantFrom('1', '2') }),
  })
  const input = fc.record({
    ids: fc.uniqueArray(id),
    names: fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 }),
    told: fc.array(told, { minLength: 5, maxLength: 5 }),
    replicas: fc.nat(2),
    stateful: fc.constantFrom('0', '1', '2'),
  })

  it('gives each task once, no process two copies, the same for any order, and comes to rest', () => {
    fc.assert(
      fc.property(input, (given) => {
        const stateful = given.ids.filter((task) => !task.startsWith(given.stateful))
        const goBy = rules(stateful, { numStandbyReplicas: given.replicas, rackAwareAssignmentTags: ['zone'] })
        let members = given.names.map((name, i) => member(name, given.told[i] as Told))
        const first = assignTasks(given.ids, members, goBy)
        const reversed = assignTasks(given.ids.toReversed(), members.toReversed(), goBy)
        expect([...reversed.active].sort()).toEqual([...first.active].sort())
        expect([...reversed.standby].sort()).toEqual([...first.standby].sort())
        let placed = first
        for (let round = 0; round < 30; round++) {
          check(given.ids, members, placed)
          const next = members.map((m) => ({
            ...m,
            active: placed.active.get(m.memberId) ?? [],
            offsetSums: new Map([
              ...m.offsetSums,
              ...(placed.standby.get(m.memberId) ?? []).map((t) => [t, END] as const),
            ]),
          }))
          const before = placed
          members = next
          placed = assignTasks(given.ids, members, goBy)
          if (!placed.isInterim && !before.isInterim) break
          if (round === 29) expect.fail('it never comes to rest')
        }
        const again = members.map((m) => ({ ...m, active: placed.active.get(m.memberId) ?? [] }))
        expect(object(assignTasks(given.ids, again, goBy).active)).toEqual(object(placed.active))
        for (const subtopology of ['0', '1', '2']) {
          const loads = [...placed.active.values()].map((t) => t.filter((task) => task.startsWith(subtopology)).length)
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('shares standbys out evenly and leaves them there, whoever joins and leaves', () => {
    const history = fc.record({
      count: fc.integer({ min: 1, max: 14 }),
      replicas: fc.integer({ min: 1, max: 2 }),
      leaves: fc.array(fc.option(fc.nat(4), { nil: undefined }), { minLength: 1, maxLength: 5 }),
    })
    fc.assert(
      fc.property(history, ({ count, replicas, leaves }) => {
        const ids = tasks(0, count)
        const goBy = rules(ids, { numStandbyReplicas: replicas })
        let members: readonly MemberFacts[] = []
        for (const [step, leaver] of leaves.entries()) {
          members = [...members.filter((_, i) => i !== leaver), member(`m${step}`)]
          let placed = assignTasks(ids, members, goBy)
          for (let round = 0; placed.isInterim && round < 60; round++) {
            members = members.map((m) => settledIn(m.memberId, placed))
            placed = assignTasks(ids, members, goBy)
          }
          members = members.map((m) => settledIn(m.memberId, placed))
          const again = assignTasks(ids, members, goBy)
          expect([placed.isInterim, object(again.standby)]).toEqual([false, object(placed.standby)])
          const sizes = [...placed.standby.values()].map((standby) => standby.length)
          if (members.length > replicas) expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
        }
      }),
      { numRuns: 200 },
    )
  })

  /** The member as it is when it has done what it was given, with no other state. */
  function settledIn(memberId: string, { active, standby }: ReturnType<typeof assignTasks>): MemberFacts {
    return member(memberId, {
      active: [...(active.get(memberId) ?? [])],
      state: caughtUp(...(standby.get(memberId) ?? [])),
    })
  }

  function check(
    ids: readonly string[],
    members: readonly MemberFacts[],
    { active, standby }: ReturnType<typeof assignTasks>,
  ) {
    expect([...active.values()].flat().sort()).toEqual([...ids].sort())
    for (const task of ids) {
      const copies = members.filter(
        (m) => active.get(m.memberId)?.includes(task) || standby.get(m.memberId)?.includes(task),
      )
      expect(new Set(copies.map((m) => m.processId)).size).toBe(copies.length)
    }
  }
})
