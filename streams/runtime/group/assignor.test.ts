import { describe, expect, it } from 'vitest'
import { type AssignmentNews, type OwnFacts, streamsAssignor } from './assignor.ts'

const rules = { numStandbyReplicas: 1, acceptableRecoveryLag: 0, maxWarmupReplicas: 2, rackAwareAssignmentTags: [] }

function assignor(
  facts: Partial<OwnFacts>,
  seen: AssignmentNews[] = [],
  ends: Record<string, number> = { '0_1': 100 },
) {
  return streamsAssignor({
    self: () => ({
      processId: 'p',
      endpoint: undefined,
      tags: {},
      active: [],
      offsetSums: new Map(),
      lags: new Map(),
      ...facts,
    }),
    rules,
    tasks: () =>
      new Map([
        ['0_0', [{ topic: 't', partition: 0 }]],
        ['0_1', [{ topic: 't', partition: 1 }]],
      ]),
    endOffsetSums: () => new Map(Object.entries(ends)),
    onAssignment: (news) => void seen.push(news),
  })
}

type Assignor = ReturnType<typeof assignor>

const joined = (memberId: string, userData: Buffer) => ({ memberId, topics: [], userData })
const plan = async (leader: Assignor, members: Parameters<Assignor['assign']>[1]) =>
  await leader.assign(new Map([['t', 2]]), members)

describe('streamsAssignor', () => {
  it('tells the leader what members have, and all members who has what', async () => {
    const seen: AssignmentNews[] = []
    const leader = assignor({ processId: 'p', endpoint: 'host:1', active: ['0_1'] }, seen)
    const other = assignor({ processId: 'q', endpoint: 'host:2', offsetSums: new Map([['0_1', 90]]) }, seen)
    const placed = await plan(leader, [
      joined('m1', leader.subscriptionUserData()),
      joined('m2', other.subscriptionUserData()),
    ])
    expect(placed.get('m1')?.partitions).toEqual([{ topic: 't', partition: 1 }])
    expect(placed.get('m2')?.partitions).toEqual([{ topic: 't', partition: 0 }])
    leader.onAssignment?.(placed.get('m1') as never, 1)
    other.onAssignment?.(placed.get('m2') as never, 1)
    const told = {
      tasksByEndpoint: new Map([
        ['host:1', ['0_1']],
        ['host:2', ['0_0']],
      ]),
      standbysByEndpoint: new Map([
        ['host:1', []],
        ['host:2', ['0_1']],
      ]),
      warmup: [],
      probes: false,
    }
    expect(seen).toEqual([
      { ...told, standby: [] },
      { ...told, standby: ['0_1'] },
    ])
  })

  it('has one member look again while a task is not where it belongs, and tells what warms up', async () => {
    const seen: AssignmentNews[] = []
    const ends = { '0_0': 100, '0_1': 100 }
    const running = assignor({ processId: 'p', active: ['0_0', '0_1'] }, seen, ends)
    const fresh = assignor({ processId: 'q' }, seen, ends)
    const placed = await plan(running, [
      joined('m1', running.subscriptionUserData()),
      joined('m2', fresh.subscriptionUserData()),
    ])
    running.onAssignment?.(placed.get('m1') as never, 1)
    fresh.onAssignment?.(placed.get('m2') as never, 1)
    expect(seen.map(({ standby, warmup, probes }) => ({ standby, warmup, probes }))).toEqual([
      { standby: [], warmup: [], probes: true },
      { standby: ['0_0', '0_1'], warmup: ['0_1'], probes: false },
    ])
    expect(placed.get('m2')?.partitions).toEqual([])
  })

  it('says something new at every join, so that the group makes a new generation', () => {
    const one = assignor({})
    expect(one.subscriptionUserData()).not.toEqual(one.subscriptionUserData())
  })

  it('gives a member with user data that it cannot read its share', async () => {
    const placed = await plan(assignor({}), [joined('m1', Buffer.from('not json'))])
    expect(placed.get('m1')?.partitions).toHaveLength(2)
  })
})
