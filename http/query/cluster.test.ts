import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { Metrics } from '../../common/metrics.ts'
import { createEmbeddedProvider } from '../../kafka/embedded.ts'
import { KafkaStreams, StreamsBuilder, serdes, TimeWindows } from '../../streams/index.ts'
import { CountDocument, OwnerDocument, RangeDocument } from '../api-schemas.ts'
import { LiveHub } from '../live/live-hub.ts'
import { createHttpServer, type HttpServer } from '../server.ts'
import type { StreamsView } from '../streams-view.ts'
import { rawGet } from '../testing/raw-get.ts'

const TOKEN = 'a-long-secret-token'
const KEYS = Array.from({ length: 40 }, (_, i) => `key-${String(i).padStart(2, '0')}`)

function topology() {
  const builder = new StreamsBuilder()
  builder.table('things', { key: serdes.string, value: serdes.json<{ n: number }>(), store: 'things' })
  builder
    .stream('events', { key: serdes.string, value: serdes.string })
    .groupByKey()
    .windowedBy(TimeWindows.ofSizeAndGrace('5m', '1m'))
    .count({ store: 'event-counts' })
  return builder.build()
}

interface Instance {
  readonly url: string
  readonly streams: KafkaStreams
  readonly server: HttpServer
}

describe('two instances that share the keys', () => {
  const kafka = createEmbeddedProvider({ directory: undefined })
  const servers: HttpServer[] = []
  let folder: string
  let a: Instance
  let b: Instance

  async function startInstance(name: string): Promise<Instance> {
    let streams: KafkaStreams | undefined
    const server = createHttpServer({
      port: 0,
      token: TOKEN,
      metrics: new Metrics(),
      live: new LiveHub(),
      peers: { timeoutMs: 1_000 },
      streams: () => streams,
    })
    servers.push(server)
    const { url, port } = await server.start()
    streams = new KafkaStreams(topology(), {
      applicationId: 'cluster',
      kafka,
      stateDir: join(folder, name),
      applicationServer: `127.0.0.1:${port}`,
      commitInterval: '50ms',
    })
    await streams.start()
    return { url, streams, server }
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'brook-http-'))
    await kafka.connect()
    await kafka.admin().createTopics([
      { name: 'things', partitions: 4 },
      { name: 'events', partitions: 4 },
    ])
    await produce()
    a = await startInstance('a')
    b = await startInstance('b')
    await vi.waitFor(
      async () => {
        expect([a, b].map(({ streams }) => [streams.state, streams.tasks().length])).toEqual([
          ['RUNNING', 4],
          ['RUNNING', 4],
        ])
        expect(await count(a)).toMatchObject({ count: KEYS.length, complete: true })
      },
      { timeout: 30_000, interval: 50 },
    )
  }, 60_000)

  afterAll(async () => {
    await Promise.all([a, b].map((instance) => instance?.streams.close()))
    await Promise.all(servers.map((server) => server.stop()))
    await kafka.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function produce(): Promise<void> {
    const producer = kafka.createProducer()
    for (const [i, key] of KEYS.entries()) {
      const record = { key: Buffer.from(key), timestampMs: 1_000 + i }
      producer.send('things', undefined, { ...record, value: Buffer.from(JSON.stringify({ n: i })) })
      producer.send('events', undefined, { ...record, value: Buffer.from('x') })
    }
    await producer.flush()
    await producer.close()
  }

  const get = async (instance: Instance, path: string, headers: Record<string, string> = {}) => {
    const answer = await rawGet(instance.url, path, { authorization: `Bearer ${TOKEN}`, ...headers })
    return { ...answer, body: (answer.text === '' ? undefined : JSON.parse(answer.text)) as unknown }
  }
  const count = async (instance: Instance) => CountDocument.parse((await get(instance, '/v1/stores/things/count')).body)
  const ownerOf = async (key: string) =>
    OwnerDocument.parse((await get(a, `/v1/metadata/stores/things/keys/${key}`)).body)

  async function keyOf(where: Instance): Promise<string> {
    for (const key of KEYS) if (`http://${(await ownerOf(key)).endpoint}` === where.url) return key
    throw new Error('no key is there')
  }

  test('either answers for every key, and both the same', async () => {
    for (const [i, key] of KEYS.entries()) {
      const answers = await Promise.all([a, b].map((instance) => get(instance, `/v1/stores/things/keys/${key}`)))
      expect(answers.map((answer) => answer.status)).toEqual([200, 200])
      const [one, other] = answers.map((answer) => answer.body)
      expect(one).toMatchObject({ store: 'things', key, value: { n: i }, timestampMs: 1_000 + i })
      expect(other).toEqual(one)
    }
  })

  test('windows are asked of the owner too, with the same bounds', async () => {
    for (const key of [await keyOf(a), await keyOf(b)]) {
      const path = `/v1/stores/event-counts/windows/${key}?from=0&to=1000`
      const [one, other] = await Promise.all([a, b].map(async (i) => (await get(i, path)).body))
      expect(one).toMatchObject({ windows: [{ startMs: 0, endMs: 300_000 }] })
      expect(other).toEqual(one)
    }
  })

  test('an unknown key is unknown, whoever is asked', async () => {
    for (const key of ['x1', 'x2', 'x3', 'x4', 'x5', 'x6'])
      for (const instance of [a, b]) {
        const answer = await get(instance, `/v1/stores/things/keys/${key}`)
        expect([answer.status, (answer.body as { code: string }).code]).toEqual([404, 'KEY_NOT_FOUND'])
      }
  })

  test('the client may be sent there instead, or be told that the key is not here', async () => {
    const key = await keyOf(b)
    const redirect = await get(a, `/v1/stores/things/keys/${key}?routing=redirect`)
    expect([redirect.status, redirect.headers.location]).toEqual([
      307,
      `${b.url}/v1/stores/things/keys/${key}?routing=redirect`,
    ])
    const local = await get(a, `/v1/stores/things/keys/${key}?routing=local`)
    expect(local.status).toBe(421)
    expect(local.body).toMatchObject({ code: 'NOT_OWNER', endpoint: new URL(b.url).host })
    expect((await get(b, `/v1/stores/things/keys/${key}?routing=local`)).status).toBe(200)
  })

  test('a request goes on once at most', async () => {
    const answer = await get(a, `/v1/stores/things/keys/${await keyOf(b)}`, { 'x-streams-hop': '1' })
    expect(answer.status).toBe(421)
  })

  test('ranges, prefixes and counts are gathered from both, in the order of the keys', async () => {
    for (const instance of [a, b]) {
      const keys: unknown[] = []
      let cursor: string | undefined
      do {
        const query = cursor === undefined ? '' : `&cursor=${cursor}`
        const page = RangeDocument.parse((await get(instance, `/v1/stores/things/range?limit=7${query}`)).body)
        expect([page.complete, page.failures]).toEqual([true, []])
        expect(page.entries.length).toBeLessThanOrEqual(7)
        for (const entry of page.entries)
          expect(Object.keys(entry).sort()).toEqual(['key', 'timestamp', 'timestampMs', 'value'])
        keys.push(...page.entries.map((entry) => entry.key))
        cursor = page.cursor
      } while (cursor !== undefined)
      expect(keys).toEqual(KEYS)
      const tens = RangeDocument.parse((await get(instance, '/v1/stores/things/prefix/key-1?reverse=true')).body)
      expect(tens.entries.map((entry) => entry.key)).toEqual(KEYS.slice(10, 20).reverse())
      expect(await count(instance)).toMatchObject({ count: KEYS.length, complete: true })
    }
  })

  test('a part that cannot be reached is named, never left out silently', async () => {
    const key = await keyOf(b)
    await b.server.stop()
    const range = RangeDocument.parse((await get(a, '/v1/stores/things/range?limit=1000')).body)
    expect(range.complete).toBe(false)
    const partitions = b.streams
      .tasks()
      .flatMap((t) => (t.stores.includes('things') ? [Number(t.taskId.split('_')[1])] : []))
    expect(partitions).toHaveLength(2)
    expect(range.missing).toEqual(partitions)
    expect(range.failures).toEqual([{ host: new URL(b.url).host, reason: 'OWNER_UNREACHABLE', partitions }])
    expect(range.entries.length).toBeGreaterThan(0)
    expect(range.entries.length).toBeLessThan(KEYS.length)
    const answer = await get(a, `/v1/stores/things/keys/${key}`)
    expect([answer.status, (answer.body as { code: string }).code]).toEqual([502, 'OWNER_UNREACHABLE'])
  })
})

describe('a peer that misbehaves', () => {
  test.each([
    ['answers something else', 200, 'text/html', '<h1>hello</h1>', 502, 'OWNER_UNREACHABLE'],
    ['answers no JSON', 200, 'application/json', '{"a":', 502, 'OWNER_UNREACHABLE'],
    ['sends elsewhere', 302, 'text/plain', '', 502, 'OWNER_UNREACHABLE'],
    ['says that it is not the owner either', 421, 'application/problem+json', '{"code":"NOT_OWNER"}', 421, 'NOT_OWNER'],
    ['never answers', 0, '', '', 504, 'TIMEOUT'],
  ])('and %s', async (_, status, type, body, wanted, code) => {
    const hops: (string | undefined)[] = []
    const peer = createServer((request, response) => {
      hops.push(request.headers['x-streams-hop'] as string | undefined)
      if (status > 0) response.writeHead(status, { 'content-type': type, location: 'http://127.0.0.1:1/' }).end(body)
    })
    await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve))
    const endpoint = `127.0.0.1:${(peer.address() as AddressInfo).port}`
    const server = createHttpServer({
      port: 0,
      metrics: new Metrics(),
      live: new LiveHub(),
      peers: { timeoutMs: 200 },
      streams: () => ownedBy(endpoint),
    })
    const { url } = await server.start()
    const answer = await rawGet(url, '/v1/stores/things/keys/k')
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([wanted, { code }])
    expect(hops).toEqual(['1'])
    await server.stop()
    peer.closeAllConnections()
    peer.close()
  })

  test.each([
    ['REBALANCING', undefined, 503, 'REBALANCING'],
    ['RUNNING', undefined, 502, 'OWNER_UNREACHABLE'],
    ['ERROR', undefined, 503, 'NOT_RUNNING'],
    ['RUNNING', 'http://user:pass@127.0.0.1:1', 502, 'OWNER_UNREACHABLE'],
    ['RUNNING', 'file:///etc/passwd', 502, 'OWNER_UNREACHABLE'],
  ] as const)('while %s and the endpoint is %s', async (state, endpoint, wanted, code) => {
    const server = createHttpServer({
      port: 0,
      metrics: new Metrics(),
      live: new LiveHub(),
      streams: () => ({ ...ownedBy(endpoint), state }),
    })
    const { url } = await server.start()
    const answer = await rawGet(url, '/v1/stores/things/keys/k')
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([wanted, { code }])
    await server.stop()
  })
})

/** A client all of whose keys are at another instance. */
function ownedBy(endpoint: string | undefined): StreamsView {
  const plan = topology()
  const info = {
    name: 'things',
    type: 'key-value',
    persistent: true,
    global: false,
    keySerde: 'string',
    valueSerde: 'json',
    partitions: 1,
    tasks: [],
  } as const
  const unused = () => {
    throw new Error('not asked here')
  }
  return {
    state: 'RUNNING',
    applicationId: 'cluster',
    processId: 'p',
    describe: () => plan.describe(),
    tasks: () => [],
    standbyTasks: () => [],
    queries: {
      stores: () => [info],
      store: () => info,
      builder: (name) => plan.stores.get(name) as ReturnType<StreamsView['queries']['builder']>,
      serdeTopic: () => 'things',
      positionTopics: () => ['things'],
      keyValueStore: unused,
      query: unused,
      waitFor: unused,
      follow: unused,
      allLocalStorePartitionLags: unused,
      metadataForKey: (store) => ({ store, taskId: '0_0', partition: 0, endpoint, local: false, standbys: [] }),
      metadataForPartition: (store) => ({ store, taskId: '0_0', partition: 0, endpoint, local: false, standbys: [] }),
      instances: () => [
        { endpoint: undefined, local: true, tasks: [], stores: [], standbyTasks: [] },
        { endpoint, local: false, tasks: ['0_0'], stores: ['things'], standbyTasks: [] },
      ],
    },
  }
}
