import { describe, expect, it } from 'vitest'
import { METRICS } from './metric-catalogue.ts'
import { SAMPLE_MS, Stat } from './sensors.ts'
import { type MetricScope, StreamsMetrics } from './streams-metrics.ts'

function setup(level: 'INFO' | 'DEBUG' | 'TRACE' = 'INFO') {
  const clock = { nowMs: 0 }
  const metrics = new StreamsMetrics({ level, nowMs: () => clock.nowMs })
  const told = (name: string) => metrics.own().find((metric) => metric.name === name)?.value
  return { clock, metrics, told }
}

const taskScope = (metrics: StreamsMetrics): MetricScope =>
  metrics.scope('stream-task-metrics', { 'thread-id': 't', 'task-id': '0_0' })

describe('the catalogue', () => {
  it('has each metric once, with a description', () => {
    const names = METRICS.map(({ group, name }) => `${group}/${name}`)
    expect(names).toEqual([...new Set(names)])
    for (const { description } of METRICS) expect(description).toMatch(/^[A-Z1].{4,}/)
  })
})

describe('the registry', () => {
  it('tells group, name, tags, description, level and value', () => {
    const { metrics } = setup()
    taskScope(metrics).value('active-process-ratio', () => 0.5)
    expect(metrics.own()).toEqual([
      {
        group: 'stream-task-metrics',
        name: 'active-process-ratio',
        tags: { 'thread-id': 't', 'task-id': '0_0' },
        description: expect.stringContaining('processing'),
        level: 'INFO',
        value: 0.5,
      },
    ])
  })

  it.each([
    ['INFO', 0],
    ['DEBUG', 4],
    ['TRACE', 4],
  ] as const)('at %s has %d of four metrics of level DEBUG', (level, expected) => {
    const { metrics } = setup(level)
    taskScope(metrics).calls('punctuate')
    expect(metrics.own()).toHaveLength(expected)
  })

  it('refuses a metric that the catalogue does not have, and one without its tags', () => {
    const { metrics } = setup()
    expect(() => taskScope(metrics).value('nonsense', () => 1)).toThrow('there is no metric nonsense')
    expect(() => taskScope(metrics).value('dropped-records-total', () => 1)).toThrow('processor-node-id, reason')
  })

  it('ends samples when it is time, also when nobody has looked for long', () => {
    const { clock, metrics, told } = setup('DEBUG')
    const stat = taskScope(metrics).calls('punctuate', new Stat())
    stat.record(60)
    expect(told('punctuate-latency-max')).toBe(60)
    clock.nowMs = SAMPLE_MS
    expect(told('punctuate-latency-max')).toBe(60)
    clock.nowMs = 4 * SAMPLE_MS
    expect(told('punctuate-latency-max')).toBeNaN()
    expect(told('punctuate-total')).toBe(1)
  })

  it('forgets what is closed, and adds what is recorded elsewhere', async () => {
    const { metrics } = setup()
    const scope = taskScope(metrics)
    scope.value('active-process-ratio', () => 1)
    const elsewhere = metrics.own()
    scope.close()
    expect(metrics.own()).toEqual([])
    const stop = metrics.addSource(async () => elsewhere)
    expect(await metrics.all()).toEqual(elsewhere)
    stop()
    expect(await metrics.all()).toEqual([])
  })

  it('leaves out what has nothing to tell now', () => {
    const { metrics } = setup()
    taskScope(metrics).value('uncommitted-entries', () => undefined)
    expect(metrics.own()).toEqual([])
  })
})
