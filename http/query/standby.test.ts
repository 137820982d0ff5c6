import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { Metrics } from '../../common/metrics.ts'
import { Position, type QueryResult, StateQueryResult, Stores, serdes } from '../../streams/index.ts'
import { LiveHub } from '../live/live-hub.ts'
import { createHttpServer, type HttpServer } from '../server.ts'
import type { StreamsView } from '../streams-view.ts'
import { rawGet } from '../testing/raw-get.ts'

const servers: (HttpServer | Server)[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) {
    if ('stop' in server) await server.stop()
    else server.close()
  }
})

/** An instance that keeps a copy of the only partition, of which another one has the task. */
function standbyOf(
  endpoint: string | undefined,
  lag: number | undefined,
  standbys: readonly string[] = [],
): StreamsView {
  const builder = Stores.keyValueStore('things', { key: serdes.string, value: serdes.string })
  const info = {
    name: 'things',
    type: 'key-value',
    persistent: true,
    global: false,
    keySerde: 'string',
    valueSerde: 'string',
    partitions: 1,
    tasks: [],
  } as const
  const owner = { store: 'things', taskId: '0_0', partition: 0, endpoint, local: false, standbys }
  const unused = () => {
    throw new Error('not asked here')
  }
  async function* rows() {
    yield { key: 'k', value: 'copied', timestampMs: 1 }
  }
  return {
    state: 'RUNNING',
    applicationId: 'app',
    processId: 'p',
    describe: unused,
    tasks: () => [],
    standbyTasks: () => [],
    queries: {
      stores: () => [info],
      store: () => info,
      builder: () => builder as ReturnType<StreamsView['queries']['builder']>,
      serdeTopic: () => 'things',
      positionTopics: () => ['things'],
      keyValueStore: unused,
      waitFor: async () => true,
      follow: unused,
      allLocalStorePartitionLags: unused,
      metadataForKey: () => owner,
      metadataForPartition: () => owner,
      instances: () => [{ endpoint: undefined, local: true, tasks: [], stores: [], standbyTasks: ['0_0'] }],
      query: async <R>({ query, requireActive }: { query: { type: string }; requireActive?: boolean }) => {
        const position = Position.empty()
        const failed = (failureReason: 'NOT_PRESENT' | 'NOT_ACTIVE') =>
          ({ isSuccess: false, failureReason, failureMessage: failureReason, position }) as const
        const result = (query.type === 'range' ? rows() : { value: 'copied', timestampMs: 1 }) as R
        const answer: QueryResult<R> =
          lag === undefined
            ? failed('NOT_PRESENT')
            : requireActive
              ? failed('NOT_ACTIVE')
              : { isSuccess: true, result, position, role: 'standby', lag }
        return new StateQueryResult<R>(new Map([[0, answer]]))
      },
    },
  }
}

async function serve(streams: StreamsView): Promise<string> {
  const server = createHttpServer({
    port: 0,
    metrics: new Metrics(),
    live: new LiveHub(),
    peers: { timeoutMs: 300 },
    streams: () => streams,
  })
  servers.push(server)
  return (await server.start()).url
}

async function ask(url: string, path: string) {
  const answer = await rawGet(url, path)
  return { ...answer, body: JSON.parse(answer.text) as Record<string, unknown> }
}

/** An instance that is restoring. */
async function restoring(): Promise<string> {
  const server = createServer((_, response) =>
    response
      .writeHead(503, { 'content-type': 'application/problem+json', 'retry-after': '7' })
      .end('{"code":"RESTORING"}'),
  )
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

const NOBODY = '127.0.0.1:1'

describe('when the active task cannot answer', () => {
  test.each([
    ['keys/k?maxLag=10', { value: 'copied' }],
    ['range?maxLag=10', { entries: [{ value: 'copied' }], complete: true, missing: [] }],
  ])('the copy here does, within the lag: %s', async (path, expected) => {
    const answer = await ask(await serve(standbyOf(NOBODY, 10)), `/v1/stores/things/${path}`)
    expect([answer.status, answer.headers['x-streams-role'], answer.headers['x-streams-lag']]).toEqual([
      200,
      'standby',
      '10',
    ])
    expect(answer.body).toMatchObject(expected)
  })

  test.each(['keys/k', 'range'])('the copy of another instance does: %s', async (path) => {
    const other = await serve(standbyOf(undefined, 3))
    const url = await serve(standbyOf(NOBODY, undefined, [NOBODY, new URL(other).host]))
    const answer = await ask(url, `/v1/stores/things/${path}?maxLag=5`)
    expect([answer.status, answer.headers['x-streams-role'], answer.headers['x-streams-lag']]).toEqual([
      200,
      'standby',
      '3',
    ])
  })

  test('nobody does whose copy is further behind', async () => {
    const url = await serve(standbyOf(NOBODY, 11))
    for (const path of ['keys/k', 'range']) {
      const answer = await ask(url, `/v1/stores/things/${path}?maxLag=10`)
      expect([answer.status, answer.body['code']]).toEqual([502, 'OWNER_UNREACHABLE'])
    }
  })

  test('nobody does when the lag is not stated, and its own problem is told', async () => {
    const url = await serve(standbyOf(await restoring(), 0))
    const key = await ask(url, '/v1/stores/things/keys/k')
    expect([key.status, key.body['code'], key.headers['retry-after']]).toEqual([503, 'RESTORING', '7'])
    const stale = await ask(url, '/v1/stores/things/keys/k?maxLag=0')
    expect([stale.status, stale.body['value']]).toEqual([200, 'copied'])
  })
})

test.each(['keys/k', 'range'])('a task that is restored here says how far it is: %s', async (path) => {
  const copy = standbyOf(undefined, 0)
  const owner = { store: 'things', taskId: '0_0', partition: 0, endpoint: undefined, local: true, standbys: [] }
  const restores = [
    { store: 'things', startingOffset: 100, restoredOffset: 250, endOffset: 500 },
    { store: 'others', startingOffset: 0, restoredOffset: 50, endOffset: 100 },
  ]
  const url = await serve({
    ...copy,
    tasks: () => [
      { taskId: '0_0', state: 'restoring', inputs: [], stores: ['things'], buffered: 0, offsets: [], restores },
    ],
    queries: {
      ...copy.queries,
      store: (name) => ({ ...copy.queries.store(name), tasks: ['0_0'] }),
      metadataForKey: () => owner,
      metadataForPartition: () => owner,
    },
  })
  const { status, headers, body } = await ask(url, `/v1/stores/things/${path}`)
  expect([status, headers['retry-after'] !== undefined]).toEqual([503, true])
  expect(body).toMatchObject({ code: 'RESTORING', progress: { restored: 200, total: 500 } })
})
