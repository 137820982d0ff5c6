import { expect, test } from 'vitest'
import { Metrics } from '../common/metrics.ts'
import { connectorGauge } from './connector-gauge.ts'

test('each connector has its own value of the gauge, read when somebody looks', async () => {
  const metrics = new Metrics()
  let value = 1
  connectorGauge(metrics, 'brook_test', 'Something.', 'a', () => value)
  connectorGauge(metrics, 'brook_test', 'Something.', 'b', () => 7)
  connectorGauge(new Metrics(), 'brook_test', 'Something.', 'c', () => 9)
  value = 3
  const text = await metrics.text()
  expect(text).toContain('brook_test{connector="a"} 3')
  expect(text).toContain('brook_test{connector="b"} 7')
  expect(text).not.toContain('connector="c"')
})
