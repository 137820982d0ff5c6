import { afterEach, describe, expect, it } from 'vitest'
import { InvalidArgumentError } from '../../common/errors.ts'
import {
  type AsyncCall,
  type AsyncOptions,
  AsyncTimeoutError,
  type KStream,
  ProcessingError,
  type ProcessorContext,
  StreamsBuilder,
  serdes,
  TaskClosedError,
  TimeWindows,
  TopologyError,
  TopologyTestDriver,
  type TopologyTestDriverOptions,
} from '../index.ts'

const TEXT = { key: serdes.string, value: serdes.string }

const open: TopologyTestDriver[] = []
afterEach(async () => {
  for (const driver of open.splice(0)) await driver.close()
})

/** Calls that end when the test says so. */
class Calls {
  readonly begun: string[] = []
  readonly of = new Map<string, AsyncCall[]>()
  most = 0
  readonly #pending = new Map<string, { done: (value: string) => void; failed: (error: Error) => void }>()

  get running(): readonly string[] {
    return [...this.#pending.keys()]
  }

  readonly make = (value: string, _key: string, call: AsyncCall): Promise<string> => {
    this.begun.push(value)
    this.of.set(value, [...(this.of.get(value) ?? []), call])
    return new Promise((done, failed) => {
      this.#pending.set(value, { done, failed })
      this.most = Math.max(this.most, this.#pending.size)
    })
  }

  end(value: string): void {
    this.#take(value).done(value.toUpperCase())
  }

  fail(value: string, message = 'refused'): void {
    this.#take(value).failed(new Error(message))
  }

  #take(value: string) {
    const pending = this.#pending.get(value)
    if (pending === undefined) throw new Error(`${value} is not being called`)
    this.#pending.delete(value)
    return pending
  }
}

type Stream = KStream<string, string>

async function drive(plan: (stream: Stream) => Stream, options: TopologyTestDriverOptions = {}) {
  const builder = new StreamsBuilder()
  plan(builder.stream('in', TEXT)).to('out', TEXT)
  const driver = await TopologyTestDriver.create(builder.build(), options)
  open.push(driver)
  const input = driver.createInputTopic('in', TEXT)
  const output = driver.createOutputTopic('out', TEXT)
  return { driver, input, output, read: () => output.readKeyValues().map(([key, value]) => `${key}=${value}`) }
}

async function withCalls(options: AsyncOptions<string, string, string> = {}) {
  const calls = new Calls()
  const driven = await drive((stream) => stream.mapValuesAsync(calls.make, options))
  /** Ends calls in this order, each in a turn of its own. */
  const end = async (...values: string[]): Promise<void> => {
    for (const value of values) {
      calls.end(value)
      await turn()
      driven.driver.advanceWallClockTime(0)
    }
  }
  return { ...driven, calls, end }
}

/** Long enough for settled promises to reach the driver. */
const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 2))

describe('the order of results', () => {
  it('is that of the records by default, whichever call ends first', async () => {
    const { input, calls, end, read } = await withCalls()
    for (const value of ['a', 'b', 'c']) input.pipeInput('k', value)
    expect(calls.running).toEqual(['a', 'b', 'c'])
    await end('c', 'b')
    expect(read()).toEqual([])
    await end('a')
    expect(read()).toEqual(['k=A', 'k=B', 'k=C'])
  })

  it('is kept for each key with order key, and the calls of a key follow each other', async () => {
    const { input, calls, end, read } = await withCalls({ order: 'key' })
    input.pipeInput('k', 'a')
    input.pipeInput('k', 'b')
    input.pipeInput('l', 'c')
    expect(calls.running).toEqual(['a', 'c'])
    await end('c')
    expect(read()).toEqual(['l=C'])
    await end('a')
    expect(calls.running).toEqual(['b'])
    await end('b')
    expect(read()).toEqual(['k=A', 'k=B'])
  })

  it('has no meaning for null keys with order key', async () => {
    const { input, calls, end } = await withCalls({ order: 'key' })
    input.pipeInput(null, 'a')
    input.pipeInput(null, 'b')
    expect(calls.running).toEqual(['a', 'b'])
    await end('a', 'b')
  })

  it('is that of the results with order none', async () => {
    const { input, end, read } = await withCalls({ order: 'none' })
    for (const value of ['a', 'b', 'c']) input.pipeInput('k', value)
    await end('c', 'a', 'b')
    expect(read()).toEqual(['k=C', 'k=A', 'k=B'])
  })

  it('needs the serde of the key for order key, and says so', () => {
    const keyed = () => new StreamsBuilder().stream('in', TEXT).selectKey((value) => value)
    expect(() => keyed().mapValuesAsync(async (value) => value, { order: 'key' })).toThrow(TopologyError)
    keyed().mapValuesAsync(async (value) => value, { order: 'key', key: serdes.string })
    keyed().mapValuesAsync(async (value) => value)
  })
})

describe('what is called at once', () => {
  it('is bounded by the concurrency', async () => {
    const { input, calls, end } = await withCalls({ concurrency: 2, capacity: 10 })
    for (const value of ['a', 'b', 'c', 'd']) input.pipeInput('k', value)
    expect(calls.running).toEqual(['a', 'b'])
    await end('b')
    expect(calls.running).toEqual(['a', 'c'])
    await end('a', 'c', 'd')
    expect(calls.most).toBe(2)
  })

  it('stops the task at the capacity, which takes records again when one is finished', async () => {
    const { input, calls, end, read } = await withCalls({ concurrency: 2, capacity: 3, order: 'none' })
    for (const value of ['a', 'b', 'c', 'd', 'e']) input.pipeInput('k', value)
    await end('a')
    expect(calls.begun).toEqual(['a', 'b', 'c'])
    expect(read()).toEqual(['k=A'])
    await end('b', 'c', 'd', 'e')
    expect(calls.begun).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(read()).toEqual(['k=B', 'k=C', 'k=D', 'k=E'])
  })

  it('is nothing where the function has its result at once: it goes on at once', async () => {
    const { input, read } = await drive((stream) => stream.mapValuesAsync((value) => value.toUpperCase()))
    input.pipeInput('k', 'a')
    expect(read()).toEqual(['k=A'])
  })

  it('keeps the order where some results are there at once and some are not', async () => {
    const { input, driver, read } = await drive((stream) =>
      stream.mapValuesAsync((value) => (value < 'c' ? Promise.resolve(value.toUpperCase()) : value.toUpperCase())),
    )
    for (const value of ['a', 'd', 'b', 'e', 'f']) input.pipeInput('k', value)
    await driver.settle()
    expect(read()).toEqual(['k=A', 'k=D', 'k=B', 'k=E', 'k=F'])
  })
})

describe('a record and its result', () => {
  it('share time, headers and metadata', async () => {
    const seen: unknown[] = []
    const { driver, input, output } = await drive((stream) =>
      stream
        .mapValuesAsync(async (value, key, { metadata, headers, timestampMs, attempt }) => {
          seen.push([value, key, metadata?.offset, headers.length, timestampMs, attempt])
          await turn()
          return value
        })
        .process<string, string>(() => {
          let at: (() => unknown) | undefined
          let forward: ((value: string, record: { withValue(v: string): never }) => unknown) | undefined
          return {
            init: (context) => {
              at = () => context.recordMetadata()?.offset
              forward = (value, record) => context.forward(record.withValue(value))
            },
            process: (record) => void forward?.(`${record.value}@${at?.()}`, record as never),
          }
        }),
    )
    const headers = [{ key: 'trace', value: Buffer.from('1') }]
    input.pipeInput('k', 'a', { timestampMs: 10, headers })
    input.pipeInput('k', 'b', 7)
    await driver.settle()
    expect(seen).toEqual([
      ['a', 'k', 0, 1, 10, 1],
      ['b', 'k', 1, 0, 7, 1],
    ])
    const [a, b] = output.readRecords()
    expect(a).toMatchObject({ value: 'a@0', timestampMs: 10, headers })
    expect(b).toMatchObject({ value: 'b@1', timestampMs: 7, headers: [] })
  })

  it('are in the same commit: nothing of the task is committed while a call is under way', async () => {
    const calls = new Calls()
    const builder = new StreamsBuilder()
    const stream = builder.stream('in', TEXT)
    stream.groupByKey().count({ store: 'counts' })
    stream.mapValuesAsync(calls.make).to('out', TEXT)
    const driver = await TopologyTestDriver.create(builder.build(), { applicationId: 'app' })
    open.push(driver)
    driver.createInputTopic('in', TEXT).pipeInput('k', 'a')
    expect(driver.capturedRecords('app-counts-changelog')).toHaveLength(0)
    expect(() => driver.commit()).toThrow(/calls under way/)
    calls.end('a')
    await driver.settle()
    expect(driver.capturedRecords('app-counts-changelog')).toHaveLength(1)
    expect(driver.createOutputTopic('out', TEXT).readKeyValues()).toEqual([['k', 'A']])
  })

  it('are in the same commit too where the commit itself begins the call', async () => {
    const calls = new Calls()
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .groupByKey()
      .count({ store: 'counts' })
      .toStream()
      .mapValues((count) => `n${count}`)
      .mapValuesAsync(calls.make)
      .to('out', TEXT)
    const driver = await TopologyTestDriver.create(builder.build(), { applicationId: 'app', commitEveryRecord: false })
    open.push(driver)
    const input = driver.createInputTopic('in', TEXT)
    input.pipeInput('k', 'a')
    input.pipeInput('k', 'b')
    expect(calls.running).toEqual([])
    driver.commit()
    expect(calls.running).toEqual(['n2'])
    expect(driver.capturedRecords('app-counts-changelog')).toHaveLength(0)
    calls.end('n2')
    await driver.settle()
    driver.commit()
    expect(driver.capturedRecords('app-counts-changelog')).toHaveLength(1)
    expect(driver.createOutputTopic('out', TEXT).readKeyValues()).toEqual([['k', 'N2']])
  })

  it('follow results that a commit sends on', async () => {
    const builder = new StreamsBuilder()
    builder
      .stream('in', TEXT)
      .groupByKey()
      .windowedBy(TimeWindows.ofSizeWithNoGrace('1m'))
      .count({ store: 'counts' })
      .toStream((_count, windowed) => windowed.key)
      .mapValuesAsync(async (count) => {
        await turn()
        return String(count)
      })
      .groupByKey(TEXT)
      .reduce((_old, count) => count, { store: 'last', ...TEXT })
      .toStream()
      .mapValuesAsync(async (count) => count)
      .to('out', TEXT)
    const driver = await TopologyTestDriver.create(builder.build(), { commitEveryRecord: false })
    open.push(driver)
    const input = driver.createInputTopic('in', TEXT)
    for (const value of ['a', 'b', 'c']) input.pipeInput('k', value, 1)
    const output = driver.createOutputTopic('out', TEXT)
    for (let i = 0; i < 4; i++) {
      driver.commit()
      await driver.settle()
    }
    expect(output.readKeyValues()).toEqual([['k', '3']])
  })
})

describe('a call that fails', () => {
  const failing = (options: AsyncOptions<string, string, string>) =>
    drive((stream) =>
      stream.mapValuesAsync(
        async (value) => {
          if (value === 'bad') throw new Error('refused')
          return value
        },
        { name: 'lookup', ...options },
      ),
    )

  it('stops the task with the node and the record', async () => {
    const { driver, input } = await failing({})
    input.pipeInput('k', 'good')
    input.pipeInput('k', 'bad')
    const failure: unknown = await driver.settle().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ProcessingError)
    expect((failure as Error).message).toMatch(/processor lookup of task 0_0 failed on in-0@1: refused/)
  })

  it('is dropped and counted, or replaced, as the options say', async () => {
    const dropping = await failing({ onError: 'drop' })
    for (const value of ['a', 'bad', 'b']) await dropping.input.pipeInputAsync('k', value)
    expect(dropping.read()).toEqual(['k=a', 'k=b'])
    expect(dropping.driver.dropped.get('processing-error')).toBe(1)
    const replacing = await failing({ onError: (error, value, key) => `${error.message} ${value} ${key}` })
    await replacing.input.pipeInputAsync('k', 'bad')
    expect(replacing.read()).toEqual(['k=refused bad k'])
  })

  it('counts as failed too when the function throws instead of rejecting', async () => {
    const { input, read } = await drive((stream) =>
      stream.mapValuesAsync(
        () => {
          throw new Error('at once')
        },
        { onError: (error) => error.message },
      ),
    )
    await input.pipeInputAsync('k', 'a')
    expect(read()).toEqual(['k=at once'])
  })

  it('is repeated after waits that double, on the wall clock', async () => {
    const { driver, input, calls, read } = await withCalls({
      retry: { attempts: 3, backoff: '100ms', maxBackoff: '150ms', jitter: 0 },
    })
    input.pipeInput('k', 'a')
    input.pipeInput('k', 'b')
    calls.end('b')
    for (const waitMs of [100, 150]) {
      calls.fail('a')
      await driver.settle()
      driver.advanceWallClockTime(waitMs - 1)
      expect(calls.running).toEqual([])
      driver.advanceWallClockTime(1)
      expect(calls.running).toEqual(['a'])
    }
    expect(read()).toEqual([])
    calls.end('a')
    await driver.settle()
    expect(read()).toEqual(['k=A', 'k=B'])
    expect(calls.of.get('a')?.map((call) => call.attempt)).toEqual([1, 2, 3])
  })

  it('is not repeated after the last attempt, nor when retryIf says that it is of no use', async () => {
    const { driver, input, calls, read } = await withCalls({
      retry: { attempts: 5, backoff: 1, retryIf: (error) => error.message !== 'never' },
      onError: (error) => error.message,
    })
    input.pipeInput('k', 'a')
    calls.fail('a', 'never')
    await driver.settle()
    expect(read()).toEqual(['k=never'])
  })

  it('fails by its timeout, with its signal aborted; what comes later is not used', async () => {
    const { driver, input, calls, read } = await withCalls({ timeout: '5s', onError: (error) => error.name })
    input.pipeInput('k', 'a')
    const signal = calls.of.get('a')?.[0]?.signal
    driver.advanceWallClockTime(4_999)
    expect(signal?.aborted).toBe(false)
    driver.advanceWallClockTime(1)
    expect(signal?.reason).toBeInstanceOf(AsyncTimeoutError)
    expect(read()).toEqual(['k=AsyncTimeoutError'])
    calls.end('a')
    await driver.settle()
    expect(read()).toEqual([])
  })

  it('frees its place while it waits to be repeated', async () => {
    const { driver, input, calls, end } = await withCalls({ concurrency: 1, retry: { attempts: 2, jitter: 0 } })
    input.pipeInput('k', 'a')
    input.pipeInput('k', 'b')
    calls.fail('a')
    await turn()
    driver.advanceWallClockTime(0)
    expect(calls.running).toEqual(['b'])
    driver.advanceWallClockTime(100)
    expect(calls.running).toEqual(['b'])
    await end('b', 'a')
  })
})

describe('the family', () => {
  it('has mapAsync, filterAsync and foreachAsync', async () => {
    const seen: string[] = []
    const { driver, input, read } = await drive((stream) => {
      stream.foreachAsync(async (value, key) => void seen.push(`${key}:${value}`))
      return stream
        .filterAsync(async (value) => value !== 'b')
        .mapAsync(async (value, key): Promise<readonly [string, string]> => [value, key])
    })
    for (const value of ['a', 'b', 'c']) input.pipeInput('k', value)
    await driver.settle()
    expect(read()).toEqual(['a=k', 'c=k'])
    expect(seen).toEqual(['k:a', 'k:b', 'k:c'])
  })

  it('counts the key as changed after mapAsync only', () => {
    const repartitions = (plan: (stream: Stream) => KStream<string, string>): boolean => {
      const builder = new StreamsBuilder()
      plan(builder.stream('in', TEXT)).groupByKey(TEXT).count()
      return builder.build().repartitionTopics.size > 0
    }
    expect(repartitions((s) => s.mapValuesAsync(async (v) => v))).toBe(false)
    expect(repartitions((s) => s.filterAsync(async () => true))).toBe(false)
    expect(repartitions((s) => s.mapAsync(async (v): Promise<readonly [string, string]> => [v, v]))).toBe(true)
  })

  it.each([
    [{ concurrency: 0 }, /concurrency/],
    [{ concurrency: 5, capacity: 4 }, /capacity of 4/],
    [{ timeout: 0 }, /timeout/],
    [{ retry: { attempts: 0 } }, /attempts/],
    [{ retry: { attempts: 2, jitter: 2 } }, /jitter/],
  ] as const)('refuses %j', (options, message) => {
    const make = () => new StreamsBuilder().stream('in', TEXT).mapValuesAsync(async (v) => v, options)
    expect(make).toThrow(InvalidArgumentError)
    expect(make).toThrow(message)
  })
})

describe('punctuations', () => {
  it('go on while calls are under way', async () => {
    const at: number[] = []
    const calls = new Calls()
    const { driver, input, read } = await drive((stream) =>
      stream
        .process<string, string>(() => {
          let forward: ((record: never) => unknown) | undefined
          return {
            init: (context) => {
              forward = (record) => context.forward(record)
              context.schedule(10, 'wall-clock-time', (nowMs) => void at.push(nowMs))
              context.schedule(10, 'stream-time', (nowMs) => void at.push(nowMs))
            },
            process: (record) => void forward?.(record as never),
          }
        })
        .mapValuesAsync(calls.make),
    )
    input.pipeInput('k', 'a', 5)
    input.pipeInput('k', 'b', 25)
    driver.advanceWallClockTime(10)
    expect(at).toEqual([5, 25, 10])
    calls.end('a')
    calls.end('b')
    await driver.settle()
    expect(read()).toEqual(['k=A', 'k=B'])
  })
})

describe('a processor of one’s own', () => {
  it('may work beside its records, and stops the task by what fails there', async () => {
    const { driver, input, read } = await drive((stream) =>
      stream.processValues<string>(
        () => {
          let context: ProcessorContext<string, string> | undefined
          return {
            init: (given) => {
              context = given
            },
            process: (record) => {
              const { work, recordMetadata } = context as ProcessorContext<string, string>
              const origin = recordMetadata()
              work.hold()
              work.settled(turn(), origin, () => {
                if (record.value === 'bad') throw new Error('refused')
                work.release()
                return context?.forward(record.withValue(`${record.value}@${recordMetadata()?.offset}`))
              })
            },
          }
        },
        { name: 'own' },
      ),
    )
    for (const [key, value] of [
      ['k', 'a'],
      ['l', 'b'],
    ] as const)
      input.pipeInput(key, value)
    await driver.settle()
    expect(read()).toEqual(['k=a@0', 'l=b@1'])
    input.pipeInput('k', 'bad')
    await expect(driver.settle()).rejects.toThrow(/processor own of task 0_0 failed on in-0@2: refused/)
  })
})

describe('the driver', () => {
  it('aborts calls that are under way when it is closed', async () => {
    const { driver, input, calls } = await withCalls()
    input.pipeInput('k', 'a')
    const signal = calls.of.get('a')?.[0]?.signal
    open.splice(0)
    await driver.close()
    expect(signal?.reason).toBeInstanceOf(TaskClosedError)
  })

  it('says how many calls are under way when they do not end', async () => {
    const { driver, input, calls } = await withCalls()
    input.pipeInput('k', 'a')
    await expect(driver.settle({ within: 10 })).rejects.toThrow(/1 calls of task 0_0 are under way/)
    calls.end('a')
  })

  it('waits for processors that return promises', async () => {
    const { input, read } = await drive((stream) =>
      stream.process<string, string>(() => {
        let send: ((record: never) => unknown) | undefined
        return {
          init: (context) => {
            send = (record) => context.forward(record)
          },
          process: async (record) => {
            await turn()
            send?.(record as never)
          },
        }
      }),
    )
    await input.pipeInputAsync('k', 'a')
    await input.pipeInputAsync('k', 'b')
    expect(read()).toEqual(['k=a', 'k=b'])
  })
})
