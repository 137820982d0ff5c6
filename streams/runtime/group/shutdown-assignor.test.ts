import { describe, expect, it } from 'vitest'
import type { AssignorMember, PartitionAssignor } from '../../../kafka/port.ts'
import { withShutdown } from './shutdown-assignor.ts'

const plain: PartitionAssignor = {
  name: 'plain',
  version: 3,
  subscriptionUserData: () => Buffer.from('{"process":"p1"}'),
  assign: (_counts, members) =>
    new Map(members.map(({ memberId }) => [memberId, { partitions: [{ topic: 't', partition: 0 }] }])),
}

function member(memberId: string, userData: Buffer): AssignorMember {
  return { memberId, topics: ['t'], userData }
}

const quiet = withShutdown(plain, { asks: false, onAsked: () => {} })
const asking = withShutdown(plain, { asks: true, onAsked: () => {} })

describe('a request to shut the application down', () => {
  it('travels in the user data, beside what is there', () => {
    expect(JSON.parse(asking.subscriptionUserData().toString())).toEqual({ process: 'p1', error: 'shutdown-requested' })
    expect(quiet.subscriptionUserData()).toEqual(plain.subscriptionUserData())
    expect([quiet.name, quiet.version]).toEqual(['plain', 3])
  })

  it('leaves nobody a task, and tells everybody', async () => {
    let asked = 0
    const other = withShutdown(plain, { asks: false, onAsked: () => void asked++ })
    const members = [member('a', quiet.subscriptionUserData()), member('b', asking.subscriptionUserData())]
    const assignment = await quiet.assign(new Map([['t', 1]]), members)
    for (const { memberId } of members) {
      const mine = assignment.get(memberId)
      expect(mine?.partitions).toEqual([])
      if (mine !== undefined) other.onAssignment?.(mine, 1)
    }
    expect(asked).toBe(2)
  })

  it('is not seen where nobody made it, or user data mean something else', async () => {
    const odd = ['', 'no JSON', '7', 'null', '{"note":"shutdown-requested"}', 'shutdown-requested']
    const members = odd.map((text, i) => member(String(i), Buffer.from(text)))
    const assignment = await quiet.assign(new Map([['t', 1]]), members)
    expect([...assignment.values()].every(({ partitions }) => partitions.length === 1)).toBe(true)
  })
})
