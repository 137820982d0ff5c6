import { afterEach, describe, expect, it } from 'vitest'
import { SerdeError } from '../common/errors.ts'
import { EMPTY_HEADERS, lastHeader } from '../common/record.ts'
import type { Serde } from '../common/serde.ts'
import {
  deadLetterAndContinue,
  ErrorHandlerFailedError,
  logAndContinue,
  logAndFail,
  ProcessingError,
  type ProcessingFailure,
  ProductionError,
  type ProductionFailure,
  Stores,
  StreamsBuilder,
  serdes,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
} from './index.ts'

const TEXT = { key: serdes.string, value: serdes.string }
const BYTES = { key: serdes.bytes, value: serdes.bytes }
const picky: Serde<string> = {
  name: 'picky',
  serialize(value) {
    if (value === 'unwritable') throw new SerdeError('will not write that')
    return Buffer.from(value)
  },
  deserialize(data) {
    if (data.toString() === 'unreadable') throw new SerdeError('cannot make it out')
    return data.toString()
  },
}

const open: TopologyTestDriver[] = []
afterEach(async () => {
  for (const driver of open.splice(0)) await driver.close()
})

async function drive(build: (builder: StreamsBuilder) => void, options: TopologyTestDriverOptions = {}) {
  const builder = new StreamsBuilder()
  build(builder)
  const driver = await TopologyTestDriver.create(builder.build(), options)
  open.push(driver)
  const input = driver.createInputTopic('in', TEXT)
  const output = driver.createOutputTopic('out', TEXT)
  const letters = driver.createOutputTopic('dead', BYTES)
  return { driver, input, output, letters }
}

/** Upper case, but for what it refuses; a sink that refuses something else. */
function shout(builder: StreamsBuilder): void {
  builder
    .stream('in', { key: serdes.string, value: picky })
    .mapValues(
      (value) => {
        if (value === 'bad') throw new RangeError('no such word', { cause: new Error('deep down') })
        return value === 'wrong' ? 'unwritable' : value.toUpperCase()
      },
      { name: 'shout' },
    )
    .to('out', { key: serdes.string, value: picky, name: 'sink' })
}

const ALL = {
  onDeserializationError: deadLetterAndContinue,
  onProcessingError: deadLetterAndContinue,
  onProductionError: deadLetterAndContinue,
  deadLetterTopic: 'dead',
}

describe('records that cannot be read, processed or written', () => {
  const cases = [
    ['unreadable', 'SerdeError', 'cannot make it out', 'deserialization-error'],
    ['bad', 'RangeError', 'no such word', 'processing-error'],
    ['wrong', 'SerdeError', 'will not write that', 'production-error'],
  ] as const

  it.each(cases)('become dead letters with the source bytes, and the others go on (%s)', async (...row) => {
    const [value, exception, message, reason] = row
    const { driver, input, output, letters } = await drive(shout, ALL)
    const headers = [{ key: 'own', value: Buffer.from('1') }]
    input.pipeInput('a', 'one', 1)
    input.pipeInput('k', value, { timestampMs: 2, headers })
    input.pipeInput('b', 'two', 3)
    expect(output.readKeyValues()).toEqual([
      ['a', 'ONE'],
      ['b', 'TWO'],
    ])
    const [letter, ...more] = letters.readRecords()
    expect(more).toEqual([])
    expect([String(letter?.key), String(letter?.value), letter?.timestampMs]).toEqual(['k', value, 2])
    const header = (key: string): string => String(lastHeader(letter?.headers ?? EMPTY_HEADERS, key))
    expect(letter?.headers.map(({ key }) => key)).toEqual([
      'own',
      ...['exception', 'message', 'stacktrace', 'topic', 'partition', 'offset'].map((n) => `__streams.errors.${n}`),
    ])
    expect(header('__streams.errors.exception')).toBe(exception)
    expect(header('__streams.errors.message')).toBe(message)
    expect(header('__streams.errors.stacktrace')).toContain(`${exception}: ${message}`)
    expect(header('__streams.errors.topic')).toBe('in')
    expect(header('__streams.errors.partition')).toBe('0')
    expect(header('__streams.errors.offset')).toBe('1')
    expect([...driver.dropped]).toEqual([[reason, 1]])
  })

  it.each(cases)('end the thread with an error that names where, by default (%s)', async (value) => {
    const { input } = await drive(shout)
    input.pipeInput('a', 'one', 1)
    expect(() => input.pipeInput('k', value, 2)).toThrow(
      { unreadable: /in-0@1 cannot be read/, bad: /shout.*in-0@1/, wrong: /sink of task 0_0 could not write to out/ }[
        value
      ],
    )
  })

  it('tell the causes of an error in the stack trace, as Java does', async () => {
    const { input, letters } = await drive(shout, ALL)
    input.pipeInput('k', 'bad', 2)
    const [letter] = letters.readRecords()
    const stack = String(lastHeader(letter?.headers ?? EMPTY_HEADERS, '__streams.errors.stacktrace'))
    expect(stack).toMatch(/RangeError: no such word[\s\S]*\nCaused by: Error: deep down/)
  })

  it('are left out without a dead letter where no topic is set', async () => {
    const { driver, input, output } = await drive(shout, {
      onDeserializationError: logAndContinue,
      onProcessingError: logAndContinue,
      onProductionError: logAndContinue,
    })
    for (const [value] of cases) input.pipeInput('k', value, 2)
    input.pipeInput('a', 'one', 3)
    expect(output.readKeyValues()).toEqual([['a', 'ONE']])
    expect(driver.producedTopicNames()).toEqual(['out'])
    expect(driver.dropped.get('processing-error')).toBe(1)
  })

  it('leave a dead letter when the client is to fail, too', async () => {
    const { input, letters } = await drive(shout, { deadLetterTopic: 'dead', onProcessingError: logAndFail })
    expect(() => input.pipeInput('k', 'bad', 2)).toThrow(ProcessingError)
    expect(letters.readRecords()).toHaveLength(1)
  })

  it('need a topic where the handler promises dead letters', async () => {
    const { input } = await drive(shout, { onProcessingError: deadLetterAndContinue })
    expect(() => input.pipeInput('k', 'bad', 2)).toThrow(/deadLetterAndContinue needs deadLetterTopic/)
  })
})

describe('a processing handler', () => {
  it('is told the node, the record, and where it was read', async () => {
    let seen: ProcessingFailure | undefined
    const { input } = await drive(shout, {
      onProcessingError: (failure) => {
        seen = failure
        return 'continue'
      },
    })
    input.pipeInput('k', 'bad', 7)
    expect(seen).toMatchObject({
      kind: 'processing',
      node: 'shout',
      taskId: '0_0',
      topic: 'in',
      partition: 0,
      offset: 0,
      timestampMs: 7,
      sourceRawKey: Buffer.from('k'),
      sourceRawValue: Buffer.from('bad'),
      record: { key: 'k', value: 'bad' },
      error: { message: 'no such word' },
    })
    expect(seen?.deadLetters()).toEqual([])
    expect(seen?.deadLetters('elsewhere')).toMatchObject([{ topic: 'elsewhere', key: Buffer.from('k') }])
  })

  it('lets the rest of the topology have the record: only the node that threw goes without', async () => {
    const { input, output } = await drive(
      (builder) => {
        const stream = builder.stream('in', TEXT)
        stream
          .mapValues((value) => {
            if (value === 'bad') throw new Error('no')
            return `first ${value}`
          })
          .to('out', TEXT)
        stream.mapValues((value) => `second ${value}`).to('out', TEXT)
      },
      { onProcessingError: logAndContinue },
    )
    input.pipeInput('k', 'bad', 1)
    expect(output.readKeyValues()).toEqual([['k', 'second bad']])
  })

  it('covers punctuators, which have no record', async () => {
    const seen: ProcessingFailure[] = []
    let calls = 0
    const { driver, letters } = await drive(
      (builder) =>
        builder
          .stream('in', TEXT)
          .process(() => ({
            init: (context) =>
              void context.schedule(10, 'wall-clock-time', () => {
                calls++
                throw new Error('tick')
              }),
            process: () => {},
          }))
          .foreach(() => {}),
      {
        deadLetterTopic: 'dead',
        onProcessingError: (failure) => {
          seen.push(failure)
          return { result: 'continue', deadLetters: failure.deadLetters() }
        },
      },
    )
    driver.advanceWallClockTime(10)
    driver.advanceWallClockTime(10)
    expect(calls).toBe(2)
    expect(seen[0]).toMatchObject({ record: undefined, topic: undefined, partition: -1, offset: -1, timestampMs: 10 })
    const [letter] = letters.readRecords()
    expect([letter?.key, letter?.value]).toEqual([null, null])
    expect(driver.dropped.get('processing-error')).toBe(2)
  })

  it('covers results of asynchronous operators, with the bytes that they come from, and the task goes on', async () => {
    const { input, output, letters } = await drive(
      (builder) =>
        builder
          .stream('in', TEXT)
          .mapValuesAsync(async (value) => {
            await Promise.resolve()
            if (value === 'bad') throw new Error('refused')
            return value.toUpperCase()
          })
          .to('out', TEXT),
      ALL,
    )
    for (const [key, value] of [
      ['a', 'one'],
      ['k', 'bad'],
      ['b', 'two'],
    ] as const)
      await input.pipeInputAsync(key, value)
    expect(output.readKeyValues()).toEqual([
      ['a', 'ONE'],
      ['b', 'TWO'],
    ])
    const [letter] = letters.readRecords()
    expect([String(letter?.key), String(letter?.value)]).toEqual(['k', 'bad'])
  })

  it('that throws itself ends the thread, with both errors told', async () => {
    const { input } = await drive(shout, {
      onProcessingError: () => {
        throw new Error('handler trouble')
      },
    })
    expect(() => input.pipeInput('k', 'bad', 2)).toThrow(ErrorHandlerFailedError)
    expect(() => input.pipeInput('k', 'bad', 3)).toThrow(/handler trouble.*no such word/)
  })

  it('is asked about global stores only when that is switched on', async () => {
    for (const handled of [false, true]) {
      const { driver } = await drive(
        (builder) => {
          builder.stream('in', TEXT).foreach(() => {})
          const store = Stores.keyValueStore('worlds', { ...TEXT, persistent: false, logging: false })
          builder.addGlobalStore(store, 'world', TEXT, () => ({
            process: () => {
              throw new Error('global trouble')
            },
          }))
        },
        { onProcessingError: logAndContinue, handleGlobalProcessingErrors: handled },
      )
      const pipe = (): void => driver.createInputTopic('world', TEXT).pipeInput('k', 'v', 1)
      if (handled) expect(pipe).not.toThrow()
      else expect(pipe).toThrow(/global trouble/)
    }
  })

  it('that promises dead letters lets global stores go on without', async () => {
    const { driver, letters } = await drive((builder) => {
      builder.stream('in', TEXT).foreach(() => {})
      builder.globalTable('world', { key: serdes.string, value: picky, store: 'worlds' })
    }, ALL)
    const world = driver.createInputTopic('world', TEXT)
    world.pipeInput('a', 'unreadable', 1)
    world.pipeInput('b', 'fine', 2)
    expect(driver.getKeyValueStore<string, string>('worlds').get('b')).toBe('fine')
    expect(driver.dropped.get('deserialization-error')).toBe(1)
    expect(letters.readRecords()).toEqual([])
  })
})

describe('a production handler', () => {
  it('is told which half cannot be written, and where to', async () => {
    const seen: ProductionFailure[] = []
    const { input } = await drive(
      (builder) => builder.stream('in', TEXT).to('out', { key: picky, value: picky, name: 'sink' }),
      {
        onProductionError: (failure) => {
          seen.push(failure)
          return 'continue'
        },
      },
    )
    input.pipeInput('unwritable', 'v', 1)
    input.pipeInput('k', 'unwritable', 2)
    expect(seen.map(({ origin }) => origin)).toEqual(['key', 'value'])
    expect(seen[1]).toMatchObject({
      kind: 'production',
      node: 'sink',
      targetTopic: 'out',
      changelog: false,
      topic: 'in',
      offset: 1,
      sourceRawValue: Buffer.from('unwritable'),
    })
  })

  it('cannot retry what will not pass', async () => {
    const { input } = await drive(shout, { onProductionError: () => 'retry' })
    const failure = (() => {
      try {
        input.pipeInput('k', 'wrong', 1)
      } catch (error) {
        return error
      }
    })()
    expect(failure).toBeInstanceOf(ProductionError)
    expect((failure as ProductionError).recovery).toBe('stop')
  })
})
