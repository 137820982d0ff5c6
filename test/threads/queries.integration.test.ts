import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { EventStream } from '../../http/testing/event-stream.ts'
import { PARTITIONS, QueryCluster, type QueryProcess } from './query-cluster.ts'

const KEYS = Array.from({ length: 16 }, (_, i) => `key-${String(i).padStart(2, '0')}`)
const MINUTE_MS = 60_000
const START_MS = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS - 5 * 60 * MINUTE_MS
/** Far enough apart for each to be a window and a session of its own. */
const timeOf = (round: number) => START_MS + round * 10 * MINUTE_MS
/** What an answer may be while tasks move or a process is away, besides right. */
const RETRYABLE = [
  'NOT_OWNER',
  'OWNER_UNREACHABLE',
  'REBALANCING',
  'RESTORING',
  'NOT_RUNNING',
  'LAG_EXCEEDED',
  'TIMEOUT',
]

const cluster = new QueryCluster('thread-queries')
let a: QueryProcess
let b: QueryProcess
let written = 0

const records = (value: string, timestampMs: number) => KEYS.map((key) => ({ key, value, timestampMs }))

/** Each key once more. */
async function writeWords() {
  written++
  return cluster.produce('words', records('x', timeOf(written)))
}

const isSettled = ({ status }: QueryProcess, tasks = PARTITIONS, standbys = PARTITIONS): boolean =>
  status.state === 'RUNNING' && status.tasks.length === tasks && status.standbys.length === standbys

beforeAll(async () => {
  await cluster.open()
  await cluster.produce('names', records('of all', START_MS))
  await cluster.produce('rows', records('old', START_MS + 1_000))
  await cluster.produce('rows', records('new', START_MS + 2_000))
  a = cluster.start('a', { numStandbyReplicas: 1 })
  b = cluster.start('b', { numStandbyReplicas: 1 })
  await cluster.until('the start', () => isSettled(a) && isSettled(b))
}, 120_000)

afterAll(() => cluster.close(), 30_000)

/** The last value of each key, as a live query tells them; ends when the stream does. */
function follow(stream: EventStream) {
  const rows = new Map<string, number>()
  const events: string[] = []
  const ended = (async () => {
    for (let event = await stream.next(); event !== undefined; event = await stream.next()) {
      events.push(event.event)
      if (event.event !== 'row' && event.event !== 'change') continue
      const { key, value } = event.data as { key: string; value: number }
      rows.set(key, value)
    }
  })().catch(() => {})
  return { rows, events, ended }
}

describe('two processes with two stream threads each', () => {
  test('share the tasks among all four threads', () => {
    for (const { status } of [a, b]) expect(status.threads.map((tasks) => tasks.length)).toEqual([2, 2])
  })

  test('any of them answers for any key with what was just written', async () => {
    for (let round = 0; round < 2; round++) {
      const at = await writeWords()
      for (const [i, key] of KEYS.entries())
        for (const process of [a, b]) {
          const { partition, offset } = at[i] as { partition: number; offset: number }
          const { status, body, headers } = await process.get(
            `/v1/stores/counts/keys/${key}?minOffset=${offset}&wait=10000`,
          )
          expect([status, body['value'], headers['x-streams-role']]).toEqual([200, written, 'active'])
          const [, told] = String(headers['x-streams-position']).split(`${cluster.name}-words:${partition}:`)
          expect(Number(told)).toBeGreaterThanOrEqual(offset)
        }
    }
  })

  test('any of them answers for windows, sessions, versions and global tables', async () => {
    for (const key of KEYS)
      for (const process of [a, b]) {
        const windows = await process.get(`/v1/stores/windows/windows/${key}?from=${START_MS}&to=${timeOf(written)}`)
        expect(windows.body['windows']).toMatchObject(
          Array.from({ length: written }, (_, i) => ({ startMs: timeOf(i + 1), value: 1 })),
        )
        const sessions = await process.get(`/v1/stores/sessions/sessions/${key}`)
        expect(sessions.body['sessions']).toHaveLength(written)
        const history = await process.get(`/v1/stores/history/versions/${key}`)
        expect(history.body['versions']).toMatchObject([
          { value: 'old', validToMs: START_MS + 2_000 },
          { value: 'new' },
        ])
        expect((await process.get(`/v1/stores/history/keys/${key}?asOf=${START_MS + 1_500}`)).body['value']).toBe('old')
        expect((await process.get(`/v1/stores/names/keys/${key}`)).body['value']).toBe('of all')
      }
  })

  test('ranges, prefixes and windows of all keys are gathered, in order, and say that they are whole', async () => {
    for (const process of [a, b]) {
      const range = await process.get('/v1/stores/counts/range?from=key-03&to=key-12&reverse=true')
      const keys = (range.body['entries'] as { key: string }[]).map(({ key }) => key)
      expect([range.body['complete'], keys]).toEqual([true, KEYS.slice(3, 13).reverse()])
      const prefix = await process.get('/v1/stores/counts/prefix/key-1')
      expect((prefix.body['entries'] as unknown[]).length).toBe(6)
      const windows = await process.get(`/v1/stores/windows/windows?from=${timeOf(written)}`)
      expect([windows.body['complete'], (windows.body['windows'] as unknown[]).length]).toEqual([true, KEYS.length])
      const sessions = await process.get('/v1/stores/sessions/sessions?limit=1000')
      expect((sessions.body['sessions'] as unknown[]).length).toBe(written * KEYS.length)
      expect((await process.get('/v1/stores/counts/count')).body).toMatchObject({ count: KEYS.length, complete: true })
    }
  })

  test('a request goes on once, to instances that know the token', async () => {
    const { body } = await a.get('/v1/metadata/stores/counts')
    const owners = body['partitions'] as { partition: number; local: boolean; endpoint: string; standbys: string[] }[]
    expect(owners.map(({ endpoint, standbys }) => [endpoint, standbys])).toEqual(
      owners.map(({ local }) => (local ? [a.status.url, [b.status.url]] : [b.status.url, [a.status.url]])),
    )
    const answers = await Promise.all(
      KEYS.map((key) => a.get(`/v1/stores/counts/keys/${key}`, { 'x-streams-hop': '1' })),
    )
    const codes = answers.map(({ status, body: { code } }) => [status, code])
    expect(codes).toContainEqual([421, 'NOT_OWNER'])
    expect(codes).toContainEqual([200, undefined])
    for (const token of [null, 'of somebody else'])
      expect(await b.get('/v1/stores/counts/range', { 'x-streams-hop': '1' }, token)).toMatchObject({
        status: 401,
        body: { code: 'UNAUTHORIZED' },
        headers: { 'content-type': expect.stringContaining('application/problem+json') },
      })
  })

  test('tasks tell how far they are', async () => {
    await writeWords()
    await cluster.until('a commit', async () => {
      const { body } = await a.get('/v1/tasks')
      const tasks = body['tasks'] as { offsets: { committedOffset: number; endOffset?: number; lag?: number }[] }[]
      const standbys = body['standbyTasks'] as { lag?: number }[]
      const offsets = tasks.flatMap((task) => task.offsets)
      return (
        offsets.length === PARTITIONS &&
        offsets.every((o) => o.lag === 0 && o.committedOffset === o.endOffset) &&
        standbys.length === PARTITIONS &&
        standbys.every(({ lag }) => lag === 0)
      )
    })
  })

  test('a live query goes on where it stopped, at either of them', async () => {
    const stream = await a.listen('/v1/stores/counts/stream')
    const first = follow(stream)
    const isTold = (rows: ReadonlyMap<string, number>) => KEYS.every((key) => rows.get(key) === written)
    await cluster.until('the rows', () => isTold(first.rows))
    await cluster.until('an id with all partitions', () => stream.lastId?.split(',').length === PARTITIONS)
    const id = stream.lastId as string
    await stream.close()
    await first.ended
    await writeWords()
    await cluster.until(
      'the count',
      async () => (await b.get(`/v1/stores/counts/keys/${KEYS[0]}`)).body['value'] === written,
    )
    for (const process of [a, b]) {
      const again = await process.listen('/v1/stores/counts/stream', id)
      const second = follow(again)
      await cluster.until('what was missed', () => isTold(second.rows))
      await again.close()
      await second.ended
      expect(second.events).not.toContain('snapshot')
      expect(second.events).not.toContain('row')
      expect(second.events.filter((event) => event === 'resume')).toHaveLength(PARTITIONS)
    }
  })

  test('live and other queries go through while a thread comes and goes', async () => {
    const stream = await a.listen('/v1/stores/counts/stream')
    const live = follow(stream)
    const state = { isOver: false, right: 0 }
    const wrong: unknown[] = []
    const counted = { least: written, most: written }
    const asking = (async () => {
      for (let n = 0; !state.isOver; n++) {
        const { status, body } = await (n % 2 === 0 ? a : b).get(`/v1/stores/counts/keys/${KEYS[n % KEYS.length]}`)
        const value = Number(body['value'])
        if (status === 200 && value >= counted.least && value <= counted.most) state.right++
        else if (!RETRYABLE.includes(String(body['code']))) wrong.push([status, body])
      }
    })()
    for (const message of ['add-thread', 'remove-thread'] as const) {
      const done = a.ask(message)
      counted.most++
      await writeWords()
      expect(await done).toContain('StreamThread-3')
      await cluster.until('running', () => a.status.state === 'RUNNING')
    }
    await cluster.until('all counts', () => KEYS.every((key) => live.rows.get(key) === written))
    state.isOver = true
    await asking
    expect(wrong).toEqual([])
    expect(state.right).toBeGreaterThan(0)
    expect(stream.response.status).toBe(200)
    await stream.close()
    await live.ended
  }, 90_000)
})

describe('while one of them does not answer', () => {
  test('its keys are a problem that may be tried again, ranges say what is missing, standbys answer within the stated lag', async () => {
    await cluster.until('copies at the other one', () => isSettled(a) && isSettled(b))
    await cluster.until('the count everywhere', async () => {
      const { body } = await a.get('/v1/stores/counts/range?limit=1000')
      return (body['entries'] as { value: number }[]).every(({ value }) => value === written)
    })
    const { body } = await a.get('/v1/metadata/stores/counts')
    const missing = (body['partitions'] as { partition: number; local: boolean }[])
      .filter(({ local }) => !local)
      .map(({ partition }) => partition)
    b.signal('SIGSTOP')
    try {
      // At the same time: each waits for the other instance, and the group soon does without it.
      const [range, whole] = await Promise.all([
        a.get('/v1/stores/counts/range?limit=1000'),
        a.get('/v1/stores/counts/range?limit=1000&maxLag=100'),
      ])
      expect(range.body).toMatchObject({
        complete: false,
        missing,
        failures: [{ host: b.status.url, partitions: missing }],
      })
      expect(whole.body).toMatchObject({ complete: true, missing: [] })
      expect((whole.body['entries'] as unknown[]).length).toBe(KEYS.length)
      expect(whole.headers['x-streams-role']).toBe('standby')
    } finally {
      b.signal('SIGCONT')
    }
  })

  test('its live queries go on at the other one when it is gone', async () => {
    await cluster.until('both', () => isSettled(a) && isSettled(b))
    const stream = await a.listen('/v1/stores/counts/stream')
    const live = follow(stream)
    await cluster.until('the rows', () => KEYS.every((key) => live.rows.get(key) === written))
    await b.end('SIGKILL')
    await writeWords()
    await cluster.until('taking over', () => isSettled(a, 2 * PARTITIONS, 0))
    await cluster.until('all counts', () => KEYS.every((key) => live.rows.get(key) === written))
    await stream.close()
    await live.ended
  }, 90_000)
})
