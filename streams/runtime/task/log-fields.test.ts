import { afterEach, describe, expect, it } from 'vitest'
import type { Logger } from '../../../common/log.ts'
import {
  logAndContinue,
  StreamsBuilder,
  serdes,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
} from '../../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const headers = [{ key: 'traceparent', value: Buffer.from(`00-${TRACE}-00f067aa0ba902b7-01`) }]

interface Line {
  readonly level: string
  readonly fields: object
  readonly message: string
}

function collecting(lines: Line[], bound: object = {}): Logger {
  const write = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...bound, ...fields }, message })
  }
  return {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    fatal: write('fatal'),
    child: (fields) => collecting(lines, { ...bound, ...fields }),
  }
}

const drivers: TopologyTestDriver[] = []
afterEach(async () => {
  for (const driver of drivers.splice(0)) await driver.close()
})

async function linesOf(
  builder: StreamsBuilder,
  pipe: (driver: TopologyTestDriver) => void,
  options: TopologyTestDriverOptions = {},
): Promise<readonly Line[]> {
  const lines: Line[] = []
  const driver = await TopologyTestDriver.create(builder.build(), { log: collecting(lines), ...options })
  drivers.push(driver)
  pipe(driver)
  return lines
}

describe('log lines about a record', () => {
  it('that is dropped say task, node, reason, where it was read, and its trace', async () => {
    const builder = new StreamsBuilder()
    builder.stream('in', TEXT).groupByKey().count()
    const [line] = await linesOf(builder, (driver) =>
      driver.createInputTopic('in', TEXT).pipeInput(null, 'x', { timestampMs: 7, headers }),
    )
    expect(line).toEqual({
      level: 'debug',
      message: 'record dropped',
      fields: {
        taskId: '0_0',
        node: 'KSTREAM-AGGREGATE-0000000002',
        reason: 'null-key',
        timestampMs: 7,
        topic: 'in',
        partition: 0,
        offset: 0,
        traceId: TRACE,
      },
    })
  })

  it('without a trace name none', async () => {
    const builder = new StreamsBuilder()
    builder.stream('in', TEXT).groupByKey().count()
    const [line] = await linesOf(builder, (driver) => driver.createInputTopic('in', TEXT).pipeInput(null, 'x', 7))
    expect(line?.fields).not.toHaveProperty('traceId')
  })

  it('that an operator fails at say the same, with the error', async () => {
    const builder = new StreamsBuilder()
    const error = new Error('no')
    builder.stream('in', TEXT).foreach(() => {
      throw error
    })
    const lines = await linesOf(
      builder,
      (driver) => driver.createInputTopic('in', TEXT).pipeInput('a', 'x', { timestampMs: 7, headers }),
      { onProcessingError: logAndContinue },
    )
    expect(lines.find(({ level }) => level === 'warn')?.fields).toEqual({
      err: error,
      taskId: '0_0',
      node: 'KSTREAM-FOREACH-0000000001',
      topic: 'in',
      partition: 0,
      offset: 0,
      traceId: TRACE,
    })
  })
})
