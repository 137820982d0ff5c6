import { describe, expect, it } from 'vitest'
import type { OpenzwaveReport } from './openzwave-messages.ts'
import { ReportQueue } from './openzwave-report-queue.ts'

const value = (nodeId: number, index: number, told: number): OpenzwaveReport => ({
  type: 'value',
  nodeId,
  commandClass: 0x31,
  index,
  value: told,
  units: 'C',
})

describe('reports to a slow parent', () => {
  it('wait with the last of each value, bounded, and none of the others is lost', () => {
    const sent: OpenzwaveReport[] = []
    const answers: (() => void)[] = []
    const queue = new ReportQueue((report, done) => {
      sent.push(report)
      answers.push(done)
    }, 2)
    for (let i = 0; i < 10_000; i++) queue.put(value(2, 1, i))
    queue.put({ type: 'notification', nodeId: 3, code: 5 })
    queue.put(value(4, 1, 21))
    for (let i = 0; i < 100; i++) queue.put({ type: 'alive' })
    expect(sent).toHaveLength(2)
    expect(queue.waiting).toBe(4)
    for (let done = answers.shift(); done; done = answers.shift()) done()
    expect(sent.slice(2)).toEqual([
      value(2, 1, 9999),
      { type: 'notification', nodeId: 3, code: 5 },
      value(4, 1, 21),
      { type: 'alive' },
      { type: 'dropped', count: 9997 + 99 },
    ])
  })
})
