import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createEmbeddedProvider } from '../kafka/embedded.ts'
import { KafkaStreams, StreamsBuilder, serdes } from '../streams/index.ts'
import { createQueryRouter, type QueryRouter } from './query-router.ts'
import { EventStream } from './testing/event-stream.ts'
import { rawGet } from './testing/raw-get.ts'

const TOKEN = 'shared-by-all-instances'
const KEYS = Array.from({ length: 16 }, (_, i) => `key-${i}`)

interface Running {
  readonly url: string
  readonly server: Server
  readonly queries: QueryRouter
  readonly streams: KafkaStreams
}

describe('the query router of an application', () => {
  const kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  const running: Running[] = []

  async function start(applicationId: string, token: string | undefined): Promise<Running> {
    const app = express()
    let streams: KafkaStreams | undefined
    const queries = createQueryRouter({ streams: () => streams, token, version: '1.2.3' })
    app.use('/my/queries', queries.router)
    app.get('/mine', (_request, response) => void response.send('mine'))
    const server = createServer(app)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const builder = new StreamsBuilder()
    builder.table('things', { key: serdes.string, value: serdes.string, store: 'things', persistent: false })
    const applicationServer = new URL(url).host
    streams = new KafkaStreams(builder.build(), { applicationId, kafka, applicationServer, commitInterval: '20ms' })
    const made = { url, server, queries, streams }
    running.push(made)
    await streams.start()
    return made
  }

  const get = async ({ url }: Running, path: string, token: string | undefined = TOKEN) => {
    const answer = await rawGet(url, path, token === undefined ? {} : { authorization: `Bearer ${token}` })
    return { ...answer, body: (answer.text.startsWith('{') ? JSON.parse(answer.text) : {}) as Record<string, unknown> }
  }

  beforeAll(async () => {
    await kafka.admin().createTopics([{ name: 'things', partitions: 4 }])
    const producer = kafka.createProducer()
    for (const key of KEYS)
      producer.send('things', undefined, { key: Buffer.from(key), value: Buffer.from(`of ${key}`), timestampMs: 1 })
    await producer.flush()
    await producer.close()
  })

  afterAll(async () => {
    for (const { queries, server, streams } of running) {
      queries.close()
      server.closeAllConnections()
      server.close()
      await streams.close()
    }
    await kafka.close()
  })

  test('answers under its path on every instance, for keys of all, with the token that they share', async () => {
    const [a, b] = [await start('router', TOKEN), await start('router', TOKEN)]
    await vi.waitFor(
      async () => {
        for (const instance of [a, b])
          for (const key of KEYS) {
            const { status, body } = await get(instance, `/my/queries/v1/stores/things/keys/${key}`)
            expect([status, body['value']]).toEqual([200, `of ${key}`])
          }
        expect((await get(b, '/my/queries/v1/stores/things/range')).body['entries']).toHaveLength(KEYS.length)
      },
      { timeout: 10_000, interval: 50 },
    )
    expect([a, b].map((i) => i.streams.tasks().length)).toEqual([2, 2])
    const stream = await EventStream.open(`${a.url}/my/queries/v1/stores/things/stream`, {
      authorization: `Bearer ${TOKEN}`,
    })
    const seen = new Set<unknown>()
    for (let ready = 0; ready < 4; ) {
      const event = await stream.next()
      if (event?.event === 'row') seen.add((event.data as { key: string }).key)
      if (event?.event === 'ready') ready += (event.data as { partitions: number[] }).partitions.length
    }
    expect(seen.size).toBe(KEYS.length)
    await stream.close()
  }, 20_000)

  test('refuses who has no token, and leaves everything else to the application', async () => {
    const [a] = running as [Running]
    for (const token of [undefined, 'wrong']) {
      const answer = await rawGet(
        a.url,
        '/my/queries/v1/stores',
        token === undefined ? {} : { authorization: `Bearer ${token}` },
      )
      expect([answer.status, answer.headers['content-type']]).toEqual([401, 'application/problem+json; charset=utf-8'])
    }
    expect(await rawGet(a.url, '/mine')).toMatchObject({ status: 200, text: 'mine' })
    expect((await rawGet(a.url, '/my/queries/other')).status).toBe(404)
  })

  test('describes itself, without the routes of the building', async () => {
    const [a] = running as [Running]
    const { body } = await get(a, '/my/queries/openapi.json')
    const paths = Object.keys(body['paths'] as object)
    expect(paths).toEqual(
      expect.arrayContaining(['/v1/stores/{store}/keys/{key}', '/v1/stores/{store}/stream', '/v1/lags']),
    )
    expect(paths.filter((path) => /rooms|commands|livez/.test(path))).toEqual([])
  })

  test('without a token answers this machine only, under its own names', async () => {
    const open = await start('router-open', undefined)
    expect((await rawGet(open.url, '/my/queries/v1/stores')).status).toBe(200)
    expect((await rawGet(open.url, '/my/queries/v1/stores', { host: 'evil.example' })).status).toBe(403)
  })
})
