import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignTasks, type MemberFacts, streamsAssignor } from './assignor.ts'

const member = (memberId: string, ...previousTasks: string[]): MemberFacts => ({
  memberId,
  endpoint: undefined,
  previousTasks,
})
const asObject = (assigned: ReadonlyMap<string, readonly string[]>) =>
  Object.fromEntries([...assigned].map(([id, tasks]) => [id, [...tasks].sort()]))

describe('assignTasks', () => {
  it.each<[what: string, tasks: string[], members: MemberFacts[], expected: Record<string, string[]>]>([
    ['gives everything to the only member', ['0_0', '0_1'], [member('a')], { a: ['0_0', '0_1'] }],
    [
      'shares evenly',
      ['0_0', '0_1', '0_2', '0_3'],
      [member('a'), member('b')],
      { a: ['0_0', '0_2'], b: ['0_1', '0_3'] },
    ],
    [
      'spreads each sub-topology',
      ['0_0', '0_1', '1_0', '1_1'],
      [member('a'), member('b')],
      { a: ['0_0', '1_0'], b: ['0_1', '1_1'] },
    ],
    [
      'leaves tasks where their state is',
      ['0_0', '0_1', '0_2', '0_3'],
      [member('a', '0_1', '0_3'), member('b', '0_0', '0_2')],
      { a: ['0_1', '0_3'], b: ['0_0', '0_2'] },
    ],
    [
      'takes the surplus from a member for a new one',
      ['0_0', '0_1', '0_2', '0_3'],
      [member('a', '0_0', '0_1', '0_2', '0_3'), member('b')],
      { a: ['0_0', '0_1'], b: ['0_2', '0_3'] },
    ],
    [
      'leaves an odd one where its state is',
      ['0_0', '0_1', '0_2'],
      [member('a'), member('b', '0_0', '0_1', '0_2')],
      { a: ['0_2'], b: ['0_0', '0_1'] },
    ],
    ['forgets tasks that are no more', ['0_0'], [member('a', '7_7'), member('b', '0_0')], { a: [], b: ['0_0'] }],
    ['has members without a task when there are too few', ['0_0'], [member('a'), member('b')], { a: ['0_0'], b: [] }],
    ['takes partitions of two digits', ['0_10', '0_9', '0_2'], [member('a')], { a: ['0_10', '0_2', '0_9'] }],
  ])('%s', (_what, tasks, members, expected) => {
    expect(asObject(assignTasks(tasks, members))).toEqual(expected)
  })

  it('gives each task to one member, each sub-topology evenly, the same for any order, and again for what it gave', () => {
    const input = fc.tuple(
      fc.uniqueArray(fc.tuple(fc.nat(3), fc.nat(9)).map(([s, p]) => `${s}_${p}`)),
      fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { minLength: 1 }),
      fc.array(fc.array(fc.tuple(fc.nat(3), fc.nat(9)).map(([s, p]) => `${s}_${p}`)), { minLength: 5, maxLength: 5 }),
    )
    fc.assert(
      fc.property(input, ([tasks, names, previous]) => {
        const members = names.map((name, i) => member(name, ...(previous[i] as string[])))
        const assigned = assignTasks(tasks, members)
        expect([...assigned.values()].flat().sort()).toEqual([...tasks].sort())
        for (const subtopology of ['0', '1', '2', '3']) {
          const loads = [...assigned.values()].map((t) => t.filter((id) => id.startsWith(subtopology)).length)
          expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1)
        }
        expect(asObject(assignTasks([...tasks].reverse(), [...members].reverse()))).toEqual(asObject(assigned))
        const again = names.map((name) => member(name, ...(assigned.get(name) as string[])))
        expect(asObject(assignTasks(tasks, again))).toEqual(asObject(assigned))
      }),
      { seed: 7, numRuns: 300 },
    )
  })
})

describe('streamsAssignor', () => {
  const assignor = (previous: string[], endpoint?: string, seen: unknown[] = []) =>
    streamsAssignor({
      endpoint,
      previousTasks: () => previous,
      tasks: () =>
        new Map([
          ['0_0', [{ topic: 't', partition: 0 }]],
          ['0_1', [{ topic: 't', partition: 1 }]],
        ]),
      onAssignment: (tasks) => void seen.push(Object.fromEntries(tasks)),
    })

  it('tells the leader what members have, and all members who has what', () => {
    const seen: unknown[] = []
    const leader = assignor(['0_1'], 'host:1', seen)
    const other = assignor([], 'host:2')
    const members = [
      { memberId: 'm1', topics: [], userData: leader.subscriptionUserData() },
      { memberId: 'm2', topics: [], userData: other.subscriptionUserData() },
    ] as unknown as Parameters<typeof leader.assign>[1]
    const plan = leader.assign(new Map([['t', 2]]), members)
    expect(plan.get('m1')?.partitions).toEqual([{ topic: 't', partition: 1 }])
    expect(plan.get('m2')?.partitions).toEqual([{ topic: 't', partition: 0 }])
    leader.onAssignment?.(plan.get('m1') as never, 1)
    expect(seen).toEqual([{ 'host:1': ['0_1'], 'host:2': ['0_0'] }])
  })

  it('gives a member with user data that it cannot read its share', () => {
    const leader = assignor([])
    const members = [{ memberId: 'm1', topics: [], userData: Buffer.from('not json') }] as unknown as Parameters<
      typeof leader.assign
    >[1]
    expect(leader.assign(new Map([['t', 2]]), members).get('m1')?.partitions).toHaveLength(2)
  })
})
