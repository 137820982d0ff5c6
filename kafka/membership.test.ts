import { describe, expect, it } from 'vitest'
import { afterEvent, beats, type MembershipEvent, type Phase } from './membership.ts'

const walk = (...events: MembershipEvent[]): Phase => events.reduce<Phase>(afterEvent, 'outside')

describe('membership', () => {
  it.each<[string, MembershipEvent[], Phase]>([
    ['joins', ['join', 'answered', 'told'], 'stable'],
    ['gives partitions up before it joins again', ['join', 'answered', 'told', 'rebalance'], 'rebalancing'],
    ['joins again after that', ['join', 'answered', 'told', 'rebalance', 'given-up', 'join'], 'joining'],
    ['has nothing to give up before the listener was told', ['join', 'answered', 'rebalance'], 'outside'],
    ['loses partitions that the listener has', ['join', 'answered', 'told', 'lose'], 'lost'],
    ['can lose them while it is about to give them up', ['join', 'answered', 'told', 'rebalance', 'lose'], 'lost'],
    ['is outside after a loss was told', ['join', 'answered', 'told', 'lose', 'given-up'], 'outside'],
    ['takes no notice of late answers', ['join', 'rebalance', 'lose'], 'joining'],
    ['stays closed', ['join', 'close', 'answered', 'fail'], 'closed'],
  ])('%s', (_, events, phase) => {
    expect(walk(...events)).toBe(phase)
  })

  it('beats while it is in the group', () => {
    const phases: Phase[] = ['outside', 'joining', 'assigned', 'stable', 'rebalancing', 'lost', 'failed', 'closed']
    expect(phases.filter(beats)).toEqual(['assigned', 'stable', 'rebalancing'])
  })
})
