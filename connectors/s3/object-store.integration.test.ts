import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { S3Server } from '../../scripts/servers/s3.ts'
import { CertificateAuthority } from '../../test/support/certificates.ts'
import { S3RefusedError, S3UnavailableError } from './errors.ts'
import { type S3Endpoint, S3ObjectStore } from './object-store.ts'

let directory: string
let server: S3Server
let secure: S3Server
let authority: CertificateAuthority
const opened: S3ObjectStore[] = []
const { signal } = new AbortController()

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-s3-'))
  authority = await CertificateAuthority.create(directory, 'authority')
  const tls = await authority.issue('server', 'IP:127.0.0.1')
  ;[server, secure] = await Promise.all([
    S3Server.start({ directory: join(directory, 'plain'), progress: console.log }),
    S3Server.start({ directory: join(directory, 'secure'), tls }),
  ])
  await server.createBucket('lake')
  await secure.createBucket('lake')
})
afterAll(async () => {
  for (const store of opened) store.close()
  await Promise.all([server?.stop(), secure?.stop()])
  if (directory) await rm(directory, { recursive: true, force: true })
})

function open(options: Partial<S3Endpoint> = {}, of = server): S3ObjectStore {
  const { accessKeyId, secretAccessKey } = of
  const credentials = { accessKeyId, secretAccessKey }
  const store = new S3ObjectStore({ bucket: 'lake', endpoint: of.url, region: 'us-east-1', credentials, ...options })
  opened.push(store)
  return store
}

const object = {
  name: 'a/b+c.avro',
  body: Buffer.from('x'),
  contentType: 'application/avro',
  metadata: { records: '1' },
}
const reasonOf = (work: Promise<void>): Promise<unknown> => work.then(() => undefined).catch((error: unknown) => error)

test('an object is put, and put over', async () => {
  const store = open()
  await store.check(signal)
  await store.put(object, signal)
  await store.put({ ...object, body: Buffer.alloc(6 * 1_048_576, 1) }, signal)
})

describe('a refusal says what is wrong and how to mend it', () => {
  const unknownKey = { accessKeyId: 'nobody', secretAccessKey: 'x' }
  test.each<[what: string, options: () => Partial<S3Endpoint>, s3Code: string, advice: string]>([
    ['a bucket', () => ({ bucket: 'nowhere' }), 'NoSuchBucket', 'BROOK_S3_BUCKET'],
    ['an unknown key', () => ({ credentials: unknownKey }), 'InvalidAccessKeyId', 'BROOK_S3_ACCESS_KEY_ID'],
    [
      'a wrong secret',
      () => ({ credentials: { accessKeyId: server.accessKeyId, secretAccessKey: 'hunter2-hunter2' } }),
      'SignatureDoesNotMatch',
      'BROOK_S3_SECRET_ACCESS_KEY',
    ],
  ])('%s', async (_, options, s3Code, advice) => {
    const store = open(options())
    for (const work of [() => store.check(signal), () => store.put(object, signal)]) {
      const error = await reasonOf(work())
      expect(error).toBeInstanceOf(S3RefusedError)
      expect(error).toMatchObject({ s3Code, message: expect.stringContaining(advice) })
      expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toContain('hunter2')
    }
  })
})

test('a store that does not answer is unavailable', async () => {
  const error = await reasonOf(open({ endpoint: 'http://127.0.0.1:1' }).put(object, signal))
  expect(error).toBeInstanceOf(S3UnavailableError)
  expect(error).toMatchObject({ recovery: 'retry', message: expect.stringContaining('ECONNREFUSED') })
})

describe('over TLS', () => {
  test('objects are put when the authority is given', async () => {
    const store = open({ ca: await readFile(authority.path, 'utf8') }, secure)
    await store.check(signal)
    await store.put(object, signal)
  })

  test('a certificate of an unknown authority is not trusted', async () => {
    const error = await reasonOf(open({}, secure).put(object, signal))
    expect(error).toBeInstanceOf(S3UnavailableError)
    expect(error).toMatchObject({ message: expect.stringMatching(/certificate/i) })
  })
})
