import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { SerdeError, SerdeNotReadyError } from '../../common/errors.ts'
import { type Serde, serdes } from '../../common/serde.ts'
import { KafkaUnavailableError } from '../../kafka/errors.ts'
import type { DeadLetter, Reading } from '../../schemas/types.ts'
import { DEAD_LETTERS, fakePublishing, json, READINGS, reading } from '../testing/fixtures.ts'
import { InfluxFront } from '../testing/influx-front.ts'
import { InfluxClient, type InfluxEndpoint } from './influx-client.ts'
import { InfluxSink, type InfluxSinkOptions } from './influx-sink.ts'

const GROUP = 'sink'
let front: InfluxFront
const running: InfluxSink[] = []

beforeEach(async () => {
  front = await new InfluxFront().start()
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((sink) => sink.stop()))
  await front.stop()
})

function setUp(options: Partial<InfluxSinkOptions> = {}, endpoint: Partial<InfluxEndpoint> = {}) {
  const { log, publisher, status } = fakePublishing()
  log.createTopic(READINGS)
  const sink = new InfluxSink({
    kafka: log,
    topic: READINGS,
    value: serdes.json<Reading>(),
    groupId: GROUP,
    client: new InfluxClient({ url: front.url, api: 'v2', bucket: 'b', ...endpoint }),
    measurement: 'm',
    batchPoints: 100,
    flushIntervalMs: 5,
    maxQueuedPoints: 1_000,
    publisher,
    status,
    backoff: { baseMs: 5, capMs: 20 },
    drainMs: 200,
    ...options,
  })
  running.push(sink)
  const append = (from: number, to: number): void => {
    for (let i = from; i < to; i++)
      log.append(READINGS, 'd1', reading({ deviceId: `d${i}`, value: i, eventTimeMs: 1_000 + i }))
  }
  const committed = (): number | undefined => log.commits.get(GROUP)?.get(READINGS)
  const letters = (): DeadLetter[] => log.in(DEAD_LETTERS).map(({ value }) => json<DeadLetter>(value))
  return { log, sink, append, committed, letters, start: () => sink.start(() => {}) }
}

const devicesOf = (lines: readonly string[]): string[] =>
  lines.map((line) => /deviceId=([^,]+)/.exec(line)?.[1] as string)
/** As InfluxDB 2 does with lines that it cannot parse: none of the request is taken. */
const refusing = (...devices: readonly string[]) => {
  const taken: string[] = []
  front.answer = ({ lines }) => {
    const bad = devicesOf(lines).find((device) => devices.includes(device))
    if (bad === undefined) taken.push(...devicesOf(lines))
    return bad === undefined ? undefined : { status: 400, body: `{"code":"invalid","message":"${bad} is bad"}` }
  }
  return taken
}

describe('the InfluxDB sink', () => {
  test('writes readings in batches, gzipped, and commits what is written', async () => {
    const { append, committed, start, sink } = setUp({}, { org: 'o', token: 'secret' })
    append(0, 250)
    await start()
    await vi.waitFor(() => expect(committed()).toBe(250))
    expect(front.requests.map(({ lines }) => lines.length)).toEqual([100, 100, 50])
    const [{ path, query, headers } = front.requests[0]!] = front.requests
    expect(path).toBe('/api/v2/write')
    expect(Object.fromEntries(query)).toEqual({ bucket: 'b', org: 'o', precision: 'ms' })
    expect(headers).toMatchObject({ authorization: 'Token secret', 'content-encoding': 'gzip' })
    expect(sink.status()).toMatchObject({ state: 'running', received: 250, published: 250, queueLength: 0 })
  })

  test('names an organisation that is not there where none is set, so that InfluxDB 2 does not take it for bad lines', async () => {
    const { append, letters, start, sink } = setUp()
    front.answer = ({ query }) => ({
      status: query.get('org') ? 404 : 400,
      body: `{"message":"organization name \\"${query.get('org')}\\" not found"}`,
    })
    append(0, 10)
    await start()
    await vi.waitFor(() => expect(sink.status().lastError).toContain('BROOK_INFLUXDB_ORG is not set'))
    expect(sink.status().state).toBe('failed')
    expect(letters()).toEqual([])
  })

  test('speaks to InfluxDB 1, with its database, retention policy and login', async () => {
    const { append, committed, start } = setUp({}, { api: 'v1', bucket: 'db/rp', token: 'ann:secret' })
    append(0, 1)
    await start()
    await vi.waitFor(() => expect(committed()).toBe(1))
    const [{ path, query, headers } = front.requests[0]!] = front.requests
    expect(path).toBe('/write')
    expect(Object.fromEntries(query)).toEqual({ db: 'db', rp: 'rp', precision: 'ms' })
    expect(headers['authorization']).toBe(`Basic ${Buffer.from('ann:secret').toString('base64')}`)
  })

  test('commits nothing that is not written, and has one request under way at a time', async () => {
    const { append, committed, start } = setUp()
    let answer: () => void = () => {}
    front.answer = () => new Promise((resolve) => (answer = () => resolve(undefined)))
    append(0, 150)
    await start()
    await vi.waitFor(() => expect(front.requests).toHaveLength(1))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(front.requests).toHaveLength(1)
    expect(committed() ?? 0).toBe(0)
    answer()
    await vi.waitFor(() => expect(front.requests).toHaveLength(2))
    await vi.waitFor(() => expect(committed()).toBe(100))
    answer()
    await vi.waitFor(() => expect(committed()).toBe(150))
  })

  test('bad lines become dead letters with the reason and the original, and do not stop the rest', async () => {
    const { append, committed, letters, start, sink } = setUp()
    const taken = refusing('d3', 'd77', 'd78')
    append(0, 100)
    await start()
    await vi.waitFor(() => expect(committed()).toBe(100))
    expect(new Set(taken).size).toBe(97)
    expect(letters().map(({ code, reason, origin }) => [code, reason, origin])).toEqual([
      ['POINT_REFUSED', 'InfluxDB answers 400: d3 is bad', `kafka:${READINGS}-0@3`],
      ['POINT_REFUSED', 'InfluxDB answers 400: d77 is bad', `kafka:${READINGS}-0@77`],
      ['POINT_REFUSED', 'InfluxDB answers 400: d78 is bad', `kafka:${READINGS}-0@78`],
    ])
    expect(front.requests.length).toBeLessThan(40)
    expect(sink.status()).toMatchObject({ state: 'running', published: 97, deadLetters: 3 })
  })

  test('a batch of which the server says that it took nothing is not asked for line by line', async () => {
    const { append, committed, letters, start } = setUp()
    front.answer = ({ lines }) => ({
      status: 400,
      body: `{"error":"partial write: points beyond retention policy dropped=${lines.length}"}`,
    })
    append(0, 100)
    await start()
    await vi.waitFor(() => expect(committed()).toBe(100))
    expect(letters()).toHaveLength(100)
    expect(front.requests).toHaveLength(1)
  })

  test('records that cannot be read, or cannot be points, become dead letters; tombstones are passed', async () => {
    const { log, append, committed, letters, start } = setUp()
    log.append(READINGS, 'd1', Buffer.from('{'))
    log.append(READINGS, 'd1', null)
    log.append(READINGS, 'd1', reading({ deviceId: 'line\nbreak' }))
    append(0, 1)
    await start()
    await vi.waitFor(() => expect(committed()).toBe(4))
    expect(letters().map(({ code }) => code)).toEqual([new SerdeError('').code, 'BAD_ID'])
    expect(front.requests.flatMap(({ lines }) => devicesOf(lines))).toEqual(['d0'])
  })

  test('a dead letter that the log does not take is tried again before anything after it is committed', async () => {
    const { log, append, committed, letters, start } = setUp()
    log.append(READINGS, 'd1', Buffer.from('{'))
    append(0, 5)
    log.refuse = () => new KafkaUnavailableError('away')
    await start()
    await vi.waitFor(() => expect(front.requests).toHaveLength(1))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(committed() ?? 0).toBe(0)
    log.refuse = undefined
    await vi.waitFor(() => expect(committed()).toBe(6))
    expect(letters()).toHaveLength(1)
  })

  test.each([429, 503])('%d: waits as long as Retry-After says, and not less', async (status) => {
    const { append, committed, start, sink } = setUp()
    const times: number[] = []
    front.answer = () => {
      times.push(performance.now())
      return times.length === 1 ? { status, headers: { 'retry-after': '1' } } : undefined
    }
    append(0, 10)
    await start()
    await vi.waitFor(() => expect(sink.status().state).toBe('degraded'))
    expect(sink.status().lastError).toContain(String(status))
    await vi.waitFor(() => expect(committed()).toBe(10), 3_000)
    expect(times).toHaveLength(2)
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(990)
    expect(sink.status()).toMatchObject({ state: 'running', reconnects: 1 })
  })

  test('a refusal is no fault of the records: failed, and on as soon as it is mended', async () => {
    const { append, committed, letters, start, sink } = setUp({}, { token: 'wrong-secret' })
    front.answer = () => ({ status: 401, body: '{"code":"unauthorized","message":"unauthorized access"}' })
    append(0, 10)
    await start()
    await vi.waitFor(() => expect(sink.status().state).toBe('failed'))
    expect(sink.status().lastError).toBe('InfluxDB answers 401: unauthorized access')
    front.answer = () => undefined
    await vi.waitFor(() => expect(committed()).toBe(10))
    expect(letters()).toEqual([])
  })

  test('memory is bounded while InfluxDB is away, and nothing is missing when it is back', async () => {
    const { append, committed, start, sink } = setUp({ maxQueuedPoints: 300 })
    await start()
    await front.stop()
    append(0, 400)
    await vi.waitFor(() => expect(sink.status().state).toBe('degraded'))
    append(400, 5_000)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(sink.status().queueLength).toBeLessThanOrEqual(400)
    await front.start()
    await vi.waitFor(() => expect(committed()).toBe(5_000), 5_000)
    expect(new Set(front.requests.flatMap(({ lines }) => devicesOf(lines))).size).toBe(5_000)
  })

  test('waits for an InfluxDB that is not there yet', async () => {
    await front.stop()
    const { append, committed, start, sink } = setUp()
    append(0, 10)
    const started = start()
    await vi.waitFor(() => expect(sink.status().lastError).toMatch(/cannot be reached: ECONNREFUSED$/))
    await front.start()
    await started
    await vi.waitFor(() => expect(committed()).toBe(10))
  })

  test('waits for the schemas of records without losing their order', async () => {
    let isReady = false
    const text = serdes.json<Reading>()
    const value: Serde<Reading> = {
      ...text,
      deserialize: (data, topic) => {
        if (isReady) return text.deserialize(data, topic)
        const fetched = Promise.reject(new KafkaUnavailableError('the registry is away'))
        fetched.catch(() => {})
        throw new SerdeNotReadyError('not yet', fetched)
      },
    }
    const { append, committed, start, sink } = setUp({ value })
    append(0, 20)
    await start()
    await vi.waitFor(() =>
      expect(sink.status()).toMatchObject({ state: 'degraded', lastError: 'the registry is away' }),
    )
    isReady = true
    await vi.waitFor(() => expect(committed()).toBe(20))
    expect(front.requests.flatMap(({ lines }) => devicesOf(lines))).toEqual(
      Array.from({ length: 20 }, (_, i) => `d${i}`),
    )
  })

  test('a stop writes and commits what is in memory', async () => {
    const { append, committed, start, sink } = setUp({ flushIntervalMs: 60_000 })
    append(0, 30)
    await start()
    await vi.waitFor(() => expect(sink.status().queueLength).toBe(30))
    await sink.stop()
    expect(committed()).toBe(30)
    expect(sink.status().state).toBe('stopped')
  })

  test('a stop does not wait for an InfluxDB that is away, and the next start goes on', async () => {
    const first = setUp()
    await first.start()
    await front.stop()
    first.append(0, 30)
    await vi.waitFor(() => expect(first.sink.status().state).toBe('degraded'))
    const startedMs = performance.now()
    await first.sink.stop()
    expect(performance.now() - startedMs).toBeLessThan(1_000)
    expect(first.committed() ?? 0).toBe(0)
    await front.start()
    await first.start()
    await vi.waitFor(() => expect(first.committed()).toBe(30))
  })
})
