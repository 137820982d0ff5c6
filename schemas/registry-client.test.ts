import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { ConfigError } from '../common/errors.ts'
import {
  RegistryRefusedError,
  RegistryUnavailableError,
  SchemaIncompatibleError,
  SchemaNotFoundError,
} from './errors.ts'
import { RegistryClient, type RegistryClientOptions } from './registry-client.ts'

const open: { server?: Server; client?: RegistryClient } = {}

/** A server that answers as told, and a client of it that waits only briefly. */
async function against(
  listener: RequestListener,
  options: Partial<RegistryClientOptions> = {},
): Promise<RegistryClient> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const client = new RegistryClient({ url, timeoutMs: 200, retry: { attempts: 3, firstWaitMs: 2 }, ...options })
  open.server = server
  open.client = client
  return client
}

function replying(...replies: readonly [status: number, body: unknown][]): {
  listener: RequestListener
  paths: string[]
} {
  const paths: string[] = []
  return {
    paths,
    listener(request, response) {
      paths.push(`${request.method} ${request.url}`)
      const [status, body] = replies[Math.min(paths.length, replies.length) - 1] ?? [500, {}]
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    },
  }
}

afterEach(async () => {
  open.client?.close()
  open.server?.closeAllConnections()
  await new Promise<void>((resolve) => (open.server ? open.server.close(() => resolve()) : resolve()))
  delete open.server
})

describe('a registry in trouble', () => {
  it.each([408, 429, 500, 502, 503, 504])('is asked again after status %d', async (status) => {
    const { listener, paths } = replying([status, { message: 'later' }], [200, { schema: '"string"' }])
    const client = await against(listener)
    expect(await client.schemaById(1)).toBe('string')
    expect(paths).toEqual(['GET /schemas/ids/1', 'GET /schemas/ids/1'])
  })

  it('is given up after the last attempt, in one line that names it', async () => {
    const { listener, paths } = replying([503, { message: 'over\nloaded' }])
    const client = await against(listener)
    const failing = client.schemaById(1)
    await expect(failing).rejects.toThrow(RegistryUnavailableError)
    await expect(failing).rejects.toThrow(`schema registry ${client.url} does not answer: status 503: over loaded`)
    await expect(failing).rejects.toMatchObject({ domain: 'external', recovery: 'retry', url: client.url })
    expect(paths).toHaveLength(3)
  })

  it.each<[what: string, listener: RequestListener]>([
    ['never answers', () => {}],
    ['hangs up', (request) => request.socket.destroy()],
    [
      'hangs up in the middle of its answer',
      (request, response) => {
        response.writeHead(200, { 'content-length': 1000 })
        response.write('{', () => request.socket.destroy())
      },
    ],
  ])('that %s is unavailable', async (_, listener) => {
    const client = await against(listener, { retry: { attempts: 1 } })
    await expect(client.schemaById(1)).rejects.toThrow(RegistryUnavailableError)
  })

  it('is not waited for any longer once the client is closed', async () => {
    const { listener } = replying([503, {}])
    const client = await against(listener, { retry: { attempts: 10, firstWaitMs: 60_000, longestWaitMs: 60_000 } })
    const failing = client.schemaById(1)
    setTimeout(() => client.close(), 50)
    await expect(failing).rejects.toThrow(RegistryUnavailableError)
  })
})

describe('an answer', () => {
  it.each([401, 403, 422])('of status %d is a refusal, not tried again', async (status) => {
    const { listener, paths } = replying([status, { error_code: status, message: 'no' }])
    const client = await against(listener)
    await expect(client.schemaById(1)).rejects.toThrow(new RegistryRefusedError(client.url, status, 'no'))
    expect(paths).toHaveLength(1)
  })

  it('that is no JSON means that the address is wrong', async () => {
    const client = await against(replying([200, '<html>']).listener)
    await expect(client.schemaById(1)).rejects.toThrow('is this the address of a schema registry?')
  })

  it('with a schema that is not Avro is no schema for us', async () => {
    const client = await against(replying([200, { schemaType: 'PROTOBUF', schema: 'x' }]).listener)
    await expect(client.schemaById(1)).rejects.toThrow(SchemaNotFoundError)
  })

  it('with references is put together from the subjects they name', async () => {
    const inner = { type: 'record', name: 'n.Inner', fields: [] }
    const outer = { type: 'record', name: 'Outer', namespace: 'n', fields: [{ name: 'i', type: 'Inner' }] }
    const { listener, paths } = replying(
      [200, { schema: JSON.stringify(outer), references: [{ name: 'n.Inner', subject: 'inner', version: 2 }] }],
      [200, { schema: JSON.stringify(inner), id: 1, version: 2 }],
    )
    const client = await against(listener)
    expect(await client.schemaById(7)).toEqual({ ...outer, fields: [{ name: 'i', type: inner }] })
    expect(paths).toEqual(['GET /schemas/ids/7', 'GET /subjects/inner/versions/2'])
  })

  it("of 409 keeps the registry's words where ours find no difference", async () => {
    const { listener } = replying(
      [200, { id: 1, version: 1, schema: '"string"' }],
      [409, { message: 'version 0 says no' }],
      [200, { id: 1, version: 1, schema: '"string"' }],
      [200, { compatibilityLevel: 'BACKWARD' }],
    )
    const client = await against(listener)
    const refused = client.register('s', 'string')
    await expect(refused).rejects.toThrow(SchemaIncompatibleError)
    await expect(refused).rejects.toThrow('version 0 says no')
  })
})

describe('credentials', () => {
  it.each<[what: string, options: (url: string) => Partial<RegistryClientOptions>]>([
    ['in the URL', (url) => ({ url: url.replace('//', '//us%65r:p%40ss@') })],
    ['as options', (url) => ({ url, username: 'user', password: 'p@ss' })],
  ])('%s are sent, and shown nowhere', async (_, options) => {
    const seen: (string | undefined)[] = []
    const first = await against((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"message":"who?"}')
    })
    const client = new RegistryClient({ url: first.url, ...options(first.url), retry: { attempts: 1 } })
    const error = await client.schemaById(1).catch((thrown: unknown) => thrown)
    client.close()
    expect(seen).toEqual([`Basic ${Buffer.from('user:p@ss').toString('base64')}`])
    expect(client.url).toBe(first.url)
    expect(JSON.stringify([String(error), error, client])).not.toContain('p@ss')
  })
})

it.each(['', 'localhost:8081', 'ftp://host', 'http://'])('%j is not an address', (url) => {
  expect(() => new RegistryClient({ url })).toThrow(ConfigError)
})

it('takes an address with a path, as Apicurio has it', async () => {
  const { listener, paths } = replying([200, { schema: '"int"' }])
  const first = await against(listener)
  const client = new RegistryClient({ url: `${first.url}/apis/ccompat/v7/` })
  expect(await client.schemaById(3)).toBe('int')
  expect(paths).toEqual(['GET /apis/ccompat/v7/schemas/ids/3'])
  client.close()
})
