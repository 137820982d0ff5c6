import { expect, test } from 'vitest'
import { type MetricFamily, Metrics } from './metrics.ts'

/** What a thread counts, under its name. */
async function threadOf(name: string, count: number): Promise<readonly MetricFamily[]> {
  const metrics = new Metrics()
  metrics.counter('records_total', 'Records').inc(count)
  metrics.histogram('commit_seconds', 'Commits', [], [0.1, 1]).observe(0.5)
  const families = structuredClone(await metrics.families())
  return families.map((family) => ({
    ...family,
    values: family.values.map((value) => ({ ...value, labels: { thread_id: name, ...value.labels } })),
  }))
}

test('what is counted elsewhere is printed with what is counted here, each family once', async () => {
  const metrics = new Metrics()
  metrics.counter('records_total', 'Records').inc(5)
  metrics.gauge('lag_records', 'Lag', ['task_id']).set({ task_id: '0_1' }, 3)
  const alone = await metrics.text()
  const stop = metrics.addSource(async () => [...(await threadOf('one', 7)), ...(await threadOf('two', 8))])
  const lines = (await metrics.text()).split('\n')
  expect(lines.filter((line) => line.startsWith('records_total'))).toEqual([
    'records_total 5',
    'records_total{thread_id="one"} 7',
    'records_total{thread_id="two"} 8',
  ])
  expect(lines).toContain('lag_records{task_id="0_1"} 3')
  expect(lines.filter((line) => line === '# TYPE commit_seconds histogram')).toHaveLength(1)
  expect(lines.filter((line) => line.startsWith('commit_seconds') && line.includes('"two"'))).toEqual([
    'commit_seconds_bucket{thread_id="two",le="0.1"} 0',
    'commit_seconds_bucket{thread_id="two",le="1"} 1',
    'commit_seconds_bucket{thread_id="two",le="+Inf"} 1',
    'commit_seconds_sum{thread_id="two"} 0.5',
    'commit_seconds_count{thread_id="two"} 1',
  ])
  stop()
  expect(await metrics.text()).toBe(alone)
})
