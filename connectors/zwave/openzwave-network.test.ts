import { beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { ZwaveNodeDeadError, ZwaveNotSupportedError, ZwaveUnavailableError, ZwaveUnknownNodeError } from './driver.ts'
import type { OpenzwaveOrder, OpenzwaveReport } from './openzwave-messages.ts'
import { OpenzwaveNetwork } from './openzwave-network.ts'
import { deafListener } from './testing/deaf-listener.ts'

describe('the network that OpenZWave reports', () => {
  let sent: OpenzwaveOrder[]
  let told: string[]
  let network: OpenzwaveNetwork

  const node = (nodeId: number, event: 'added' | 'removed' | 'available' | 'ready'): OpenzwaveReport => ({
    type: 'node',
    event,
    nodeId,
    label: 'Maker Lamp',
  })
  const value = (nodeId: number, commandClass: number, index: number, is: unknown): OpenzwaveReport => ({
    type: 'value',
    nodeId,
    commandClass,
    index,
    value: is,
    units: '',
  })

  beforeEach(() => {
    sent = []
    told = []
    network = new OpenzwaveNetwork({
      send: (order) => void sent.push(order),
      listener: deafListener({
        value: (nodeId, kind, is) => void told.push(`${nodeId} ${kind} ${is}`),
        nodeState: (nodeId, state) => void told.push(`${nodeId} ${state}`),
        nodeAdded: (nodeId) => void told.push(`${nodeId} joined`),
        nodeRemoved: (nodeId) => void told.push(`${nodeId} left`),
        inclusion: (step) => void told.push(step),
      }),
      clock: systemClock,
      answerTimeoutMs: 50,
    })
    network.heard({ type: 'ready', controllerId: 1 })
    for (const nodeId of [1, 2, 3]) network.heard(node(nodeId, 'added'))
    network.heard({ type: 'has', nodeId: 3, commandClass: 0x26, index: 0 })
    network.heard({ type: 'has', nodeId: 2, commandClass: 0x30, index: 0 })
    for (const nodeId of [1, 2, 3]) network.heard(node(nodeId, 'ready'))
  })

  it('has its nodes without the stick itself', () => {
    expect(network.nodeIds()).toEqual([2, 3])
    expect(told).toEqual(['2 ready', '2 alive', '3 ready', '3 alive'])
  })

  it('knows what a node cannot do', () => {
    expect(() => network.dimmer(2)).toThrow(ZwaveNotSupportedError)
    expect(() => network.dimmer(9)).toThrow(ZwaveUnknownNodeError)
    network.heard({ type: 'notification', nodeId: 2, code: 5 })
    expect(() => network.dimmer(2)).toThrow(ZwaveNodeDeadError)
  })

  it('answers a question with the next report, with nothing when none comes, and with an error of a dead node', async () => {
    const asked = network.askLevel(3)
    network.heard(value(3, 0x26, 9, 50))
    network.heard(value(3, 0x26, 0, 40))
    expect(await asked).toEqual({ currentValue: 40, targetValue: 50 })
    const dead = network.askLevel(3)
    network.heard({ type: 'notification', nodeId: 3, code: 1 })
    expect(sent.at(-1)).toEqual({ type: 'ping', nodeId: 3 })
    expect(network.timeouts(3)).toBe(1)
    network.heard({ type: 'notification', nodeId: 3, code: 5 })
    await expect(dead).rejects.toThrow(ZwaveNodeDeadError)
    expect(network.oneDeadNode()).toBe(3)
    await expect(network.askLevel(3)).resolves.toEqual({})
    const lost = network.askLevel(3)
    network.lost(new ZwaveUnavailableError('the stick is gone'))
    await expect(lost).rejects.toThrow('the stick is gone')
  })

  it('takes a Binary Sensor for motion only beside a light meter that has no other way to tell', () => {
    told = []
    network.heard(value(2, 0x30, 0, true))
    network.heard({ type: 'has', nodeId: 2, commandClass: 0x31, index: 3 })
    network.heard(value(2, 0x30, 0, true))
    network.heard(value(2, 0x71, 7, 'Clear'))
    network.heard(value(2, 0x30, 0, true))
    network.heard(value(77, 0x80, 0, 5))
    expect(told).toEqual(['2 motion 1', '2 motion 0'])
  })

  it('tells of devices that join and leave while they are waited for', async () => {
    const controller = (state: number, command: number): void =>
      network.heard({ type: 'controller', nodeId: 0, state, command })
    told = []
    const begun = network.begin('include')
    controller(4, 1)
    await begun
    await network.probe()
    expect(sent.at(-1)).toEqual({ type: 'include' })
    controller(6, 1)
    network.heard(node(4, 'added'))
    controller(7, 1)
    const excluding = network.begin('exclude')
    controller(4, 4)
    await excluding
    controller(7, 4)
    network.heard(node(4, 'removed'))
    const again = network.begin('include')
    controller(4, 1)
    await again
    network.stopInclusion()
    controller(2, 1)
    expect(told).toEqual(['node-found', '4 joined', '4 left', 'stopped'])
    await expect(network.begin('include')).rejects.toThrow('does not answer')
  })
})
