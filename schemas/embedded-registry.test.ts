import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { EmbeddedRegistry } from './embedded-registry.ts'
import { registryContract } from './registry-contract.ts'

let directory: string
let server: EmbeddedRegistry

const start = async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-registry-'))
  server = await EmbeddedRegistry.start({ directory })
}
const stop = async () => {
  await server.close()
  await rm(directory, { recursive: true })
}

describe('contract', () => {
  beforeAll(start)
  afterAll(stop)
  registryContract('The embedded registry', () => server.url)
})

const json = { 'content-type': 'application/vnd.schemaregistry.v1+json' }

async function ask(method: string, path: string, body?: object): Promise<[status: number, body: unknown]> {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: body ? json : {},
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  expect(answer.headers.get('content-type')).toBe('application/vnd.schemaregistry.v1+json')
  return [answer.status, await answer.json()]
}

const record = (...fields: readonly object[]) => ({
  schema: JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'int' }, ...fields] }),
})
const v1 = record()
const v2 = record({ name: 'b', type: 'string', default: '' })
const required = record({ name: 'b', type: 'string' })
const post = (subject: string, body: object) => ask('POST', `/subjects/${subject}/versions`, body)

describe('routes', () => {
  beforeEach(start)
  afterEach(stop)

  it('answers as Confluent does', async () => {
    expect(await post('s', v1)).toEqual([200, { id: 1 }])
    expect(await post('s', v2)).toEqual([200, { id: 2 }])
    expect(await post('other', v2)).toEqual([200, { id: 2 }])
    const version = { subject: 's', version: 2, id: 2, schema: v2.schema }
    const cases: readonly [method: string, path: string, body: object | undefined, status: number, answer: unknown][] =
      [
        ['GET', '/', undefined, 200, {}],
        ['GET', '/subjects', undefined, 200, ['other', 's']],
        ['GET', '/subjects?subjectPrefix=ot', undefined, 200, ['other']],
        ['GET', '/subjects/s/versions', undefined, 200, [1, 2]],
        ['GET', '/subjects/s/versions/latest', undefined, 200, version],
        ['GET', '/subjects/s/versions/-1', undefined, 200, version],
        ['GET', '/subjects/s/versions/2', undefined, 200, version],
        ['GET', '/subjects/s/versions/1/schema', undefined, 200, JSON.parse(v1.schema)],
        ['GET', '/subjects/s/versions/1/referencedby', undefined, 200, []],
        ['POST', '/subjects/s', v2, 200, version],
        ['GET', '/schemas/ids/2', undefined, 200, { schema: v2.schema }],
        ['GET', '/schemas/ids/1/schema', undefined, 200, JSON.parse(v1.schema)],
        [
          'GET',
          '/schemas/ids/2/versions',
          undefined,
          200,
          [
            { subject: 's', version: 2 },
            { subject: 'other', version: 1 },
          ],
        ],
        ['GET', '/schemas/ids/2/subjects', undefined, 200, ['s', 'other']],
        ['GET', '/schemas/types', undefined, 200, ['AVRO']],
        ['GET', '/mode', undefined, 200, { mode: 'READWRITE' }],
        ['GET', '/config', undefined, 200, { compatibilityLevel: 'BACKWARD' }],
        ['GET', '/config/s?defaultToGlobal=true', undefined, 200, { compatibilityLevel: 'BACKWARD' }],
        ['PUT', '/config/s', { compatibility: 'full_transitive' }, 200, { compatibility: 'FULL_TRANSITIVE' }],
        ['GET', '/config/s', undefined, 200, { compatibilityLevel: 'FULL_TRANSITIVE' }],
        ['DELETE', '/config/s', undefined, 200, { compatibilityLevel: 'FULL_TRANSITIVE' }],
        ['PUT', '/config', { compatibility: 'NONE' }, 200, { compatibility: 'NONE' }],
        ['POST', '/compatibility/subjects/s/versions/latest', { schema: '"string"' }, 200, { is_compatible: true }],
        ['DELETE', '/config', undefined, 200, { compatibilityLevel: 'NONE' }],
        ['POST', '/compatibility/subjects/s/versions/latest', { schema: '"string"' }, 200, { is_compatible: false }],
        ['POST', '/compatibility/subjects/s/versions', required, 200, { is_compatible: true }],
        ['POST', '/compatibility/subjects/s/versions/1', required, 200, { is_compatible: false }],
        [
          'POST',
          '/compatibility/subjects/s/versions/1?verbose=true',
          required,
          200,
          {
            is_compatible: false,
            messages: ['field b: the new schema needs it, version 1 does not have it, and it has no default'],
          },
        ],
      ]
    for (const [method, path, body, status, answer] of cases)
      expect([method, path, ...(await ask(method, path, body))]).toEqual([method, path, status, answer])
  })

  it('refuses as Confluent does', async () => {
    await post('s', v1)
    const cases: readonly [method: string, path: string, body: object | undefined, status: number, code: number][] = [
      ['GET', '/nothing', undefined, 404, 404],
      ['GET', '/subjects/%ff/versions', undefined, 404, 404],
      ['PUT', '/subjects', {}, 405, 405],
      ['GET', '/subjects/nope/versions', undefined, 404, 40401],
      ['POST', '/subjects/nope', v1, 404, 40401],
      ['DELETE', '/subjects/nope', undefined, 404, 40401],
      ['GET', '/subjects/s/versions/7', undefined, 404, 40402],
      ['GET', '/subjects/s/versions/zero', undefined, 422, 42202],
      ['GET', '/subjects/s/versions/0', undefined, 422, 42202],
      ['POST', '/subjects/s', v2, 404, 40403],
      ['GET', '/schemas/ids/99', undefined, 404, 40403],
      ['GET', '/schemas/ids/x', undefined, 404, 404],
      ['GET', '/config/s', undefined, 404, 40408],
      ['PUT', '/config', { compatibility: 'SOMEWHAT' }, 422, 42203],
      ['POST', '/subjects/s/versions', required, 409, 409],
      ['POST', '/subjects/s/versions', { schema: '{bad' }, 422, 42201],
      ['POST', '/subjects/s/versions', { schema: '' }, 422, 42201],
      ['POST', '/subjects/s/versions', {}, 422, 42201],
      ['POST', '/subjects/s/versions', { schema: '{"type":"record","name":"A"}' }, 422, 42201],
      ['POST', '/subjects/s/versions', { schema: '[]', schemaType: 'PROTOBUF' }, 422, 42201],
      ['POST', '/subjects/s/versions', { ...v2, references: [{ name: 'x', subject: 'x', version: 1 }] }, 422, 42201],
      ['POST', '/subjects/s/versions', { schema: '['.repeat(100_000) }, 422, 42201],
      ['POST', '/subjects/s/versions', { schema: '['.repeat(100_000) + ']'.repeat(100_000) }, 422, 42201],
      ['POST', '/subjects/s/versions', [], 400, 400],
    ]
    for (const [method, path, body, status, code] of cases) {
      const answer = await ask(method, path, body)
      expect([method, path, ...answer]).toEqual([
        method,
        path,
        status,
        { error_code: code, message: expect.any(String) },
      ])
    }
  })

  it('tells what is incompatible', async () => {
    await post('s', v1)
    const [, answer] = await post('s', required)
    expect(answer).toHaveProperty(
      'message',
      'Schema being registered is incompatible with an earlier schema for subject "s", details: field b: the new schema needs it, version 1 does not have it, and it has no default',
    )
  })

  it('deletes softly, then for good, and never gives an id or a version twice', async () => {
    await post('s', v1)
    await post('s', v2)
    expect(await ask('DELETE', '/subjects/s?permanent=true')).toMatchObject([404, { error_code: 40405 }])
    expect(await ask('DELETE', '/subjects/s/versions/2?permanent=true')).toMatchObject([404, { error_code: 40407 }])
    expect(await ask('DELETE', '/subjects/s/versions/latest')).toEqual([200, 2])
    expect(await ask('DELETE', '/subjects/s/versions/2')).toMatchObject([404, { error_code: 40406 }])
    expect(await ask('GET', '/subjects/s/versions')).toEqual([200, [1]])
    expect(await ask('GET', '/subjects/s/versions?deleted=true')).toEqual([200, [1, 2]])
    expect(await ask('DELETE', '/subjects/s')).toEqual([200, [1]])
    expect(await ask('DELETE', '/subjects/s')).toMatchObject([404, { error_code: 40404 }])
    expect(await ask('GET', '/subjects')).toEqual([200, []])
    expect(await ask('GET', '/subjects?deleted=true')).toEqual([200, ['s']])
    expect(await ask('GET', '/schemas/ids/1')).toEqual([200, { schema: v1.schema }])
    expect(await post('s', v2)).toEqual([200, { id: 2 }])
    expect(await ask('GET', '/subjects/s/versions')).toEqual([200, [3]])
    expect(await ask('DELETE', '/subjects/s')).toEqual([200, [3]])
    expect(await ask('DELETE', '/subjects/s?permanent=true')).toEqual([200, [1, 2, 3]])
    expect(await ask('GET', '/subjects?deleted=true')).toEqual([200, []])
    expect(await post('s', required)).toEqual([200, { id: 3 }])
  })

  it('takes schemas that differ only in white space and order as one', async () => {
    await post('s', { schema: '{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}' })
    const same = '{ "fields": [ { "type": {"type":"int"}, "name": "a" } ], "name": "R", "type": "record" }'
    expect(await post('t', { schema: same })).toEqual([200, { id: 1 }])
    expect(await ask('POST', '/subjects/s', { schema: same })).toMatchObject([200, { id: 1, version: 1 }])
  })

  it('keeps subjects with names that JavaScript or URLs treat apart', async () => {
    for (const name of ['__proto__', 'constructor', 'a/b c?d'])
      expect(await post(encodeURIComponent(name), v1)).toEqual([200, { id: 1 }])
    await server.close()
    server = await EmbeddedRegistry.start({ directory })
    expect(await ask('GET', '/subjects')).toEqual([200, ['__proto__', 'a/b c?d', 'constructor']])
    expect(await ask('GET', '/subjects/toString/versions')).toMatchObject([404, { error_code: 40401 }])
  })

  it('registers what comes at the same moment one after the other', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => post(`s${i % 2}`, i % 4 < 2 ? v1 : v2)))
    expect(new Set(answers.map(([, body]) => JSON.stringify(body)))).toEqual(new Set(['{"id":1}', '{"id":2}']))
    expect(await ask('GET', '/subjects/s1/versions')).toEqual([200, [1, 2]])
  })

  it('refuses a body that is too large, and one that a web page could post', async () => {
    const large = await fetch(`${server.url}/subjects/s/versions`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify({ schema: 'x'.repeat(1_100_000) }),
    })
    expect(large.status).toBe(413)
    const simple = await fetch(`${server.url}/subjects/s/versions`, { method: 'POST', body: JSON.stringify(v1) })
    expect(simple.status).toBe(415)
    const noJson = await fetch(`${server.url}/subjects/s/versions`, { method: 'POST', headers: json, body: '{' })
    expect(noJson.status).toBe(400)
  })
})

describe('durability', () => {
  beforeEach(start)
  afterEach(stop)

  it('has after a restart what it answered before, with the same ids', async () => {
    await post('s', v1)
    await ask('PUT', '/config/s', { compatibility: 'FULL' })
    await server.close()
    server = await EmbeddedRegistry.start({ directory })
    expect(await ask('GET', '/config/s')).toEqual([200, { compatibilityLevel: 'FULL' }])
    expect(await post('s', v2)).toEqual([200, { id: 2 }])
  })

  it('loses nothing that it answered when it is killed', async () => {
    const own = await mkdtemp(join(tmpdir(), 'brook-registry-'))
    const program = `
      import { EmbeddedRegistry } from ${JSON.stringify(join(import.meta.dirname, 'embedded-registry.ts'))}
      const server = await EmbeddedRegistry.start({ directory: ${JSON.stringify(own)} })
      console.log(server.url)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [url] = (await once(child.stdout, 'data')) as [Buffer]
    let answered = 0
    const exited = once(child, 'exit')
    while (answered < 60) {
      const posting = fetch(`${url.toString().trim()}/subjects/s${answered}/versions`, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ schema: `{"type":"enum","name":"E${answered}","symbols":["a"]}` }),
      })
      if (answered === 40) child.kill('SIGKILL')
      try {
        expect((await posting).status).toBe(200)
      } catch {
        break
      }
      answered++
    }
    await exited
    await server.close()
    server = await EmbeddedRegistry.start({ directory: own })
    expect(answered).toBeGreaterThanOrEqual(40)
    for (let i = 0; i < answered; i++)
      expect(await ask('GET', `/subjects/s${i}/versions/latest`)).toMatchObject([200, { id: i + 1 }])
    await rm(own, { recursive: true })
  })

  it('does not start on a file that is not its own, and leaves it alone', async () => {
    const path = join(directory, 'registry.json')
    await writeFile(path, '{"half":')
    await expect(EmbeddedRegistry.start({ directory })).rejects.toThrow(
      'registry.json is not the file of a schema registry',
    )
    expect(await readFile(path, 'utf8')).toBe('{"half":')
  })
})
