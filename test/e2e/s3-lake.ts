import { gunzipSync, inflateRawSync } from 'node:zlib'
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import avsc from 'avsc'
import type { S3Server } from '../../scripts/servers/s3.ts'
import { eventually } from './eventually.ts'

/** An object as any other reader of the bucket sees it. */
export interface LakeObject {
  readonly name: string
  readonly body: Buffer
  readonly metadata: Readonly<Record<string, string>>
}

/** A bucket of a test's own on a server that several tests share. */
export class Lake {
  readonly bucket: string
  readonly #server: S3Server
  readonly #client: S3Client
  readonly #known = new Map<string, { readonly tag: string; readonly object: LakeObject }>()

  constructor(server: S3Server, bucket: string) {
    this.#server = server
    this.bucket = bucket
    this.#client = new S3Client({
      endpoint: server.url,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey },
    })
  }

  /** What the program is given to write there. */
  get settings(): Record<string, string> {
    return {
      BROOK_S3_BUCKET: this.bucket,
      BROOK_S3_ENDPOINT: this.#server.url,
      BROOK_S3_ACCESS_KEY_ID: this.#server.accessKeyId,
      BROOK_S3_SECRET_ACCESS_KEY: this.#server.secretAccessKey,
    }
  }

  close(): void {
    this.#client.destroy()
  }

  async names(): Promise<string[]> {
    return [...(await this.#list()).keys()].sort()
  }

  /** By their names; one that is as it was before is not read again. */
  async objects(): Promise<LakeObject[]> {
    const listed = await this.#list()
    for (const [name, tag] of listed) {
      if (this.#known.get(name)?.tag === tag) continue
      const { Body, Metadata } = await this.#client.send(new GetObjectCommand({ Bucket: this.bucket, Key: name }))
      const body = Buffer.from((await Body?.transformToByteArray()) ?? [])
      this.#known.set(name, { tag, object: { name, body, metadata: Metadata ?? {} } })
    }
    return [...listed.keys()].sort().map((name) => (this.#known.get(name) as { object: LakeObject }).object)
  }

  /** Resolves when the metadata of the objects count so many records. */
  untilStored(count: number): Promise<LakeObject[]> {
    return eventually(
      `${count} records are stored`,
      async () => {
        const objects = await this.objects()
        const stored = objects.reduce((sum, { metadata }) => sum + Number(metadata['records']), 0)
        if (stored < count) throw new Error(`${stored} in ${objects.length} objects`)
        return objects
      },
      45_000,
    )
  }

  async #list(): Promise<ReadonlyMap<string, string>> {
    const listed = new Map<string, string>()
    for (let token: string | undefined; ; ) {
      const page = await this.#client.send(new ListObjectsV2Command({ Bucket: this.bucket, ContinuationToken: token }))
      for (const { Key, ETag } of page.Contents ?? []) listed.set(Key ?? '', ETag ?? '')
      token = page.NextContinuationToken
      if (token === undefined) return listed
    }
  }
}

/** The values in an object, read by avsc's own reader of container files or as lines of JSON. */
export async function valuesOf<T>({ name, body }: LakeObject): Promise<T[]> {
  if (name.endsWith('.avro')) return readContainer<T>(body)
  const text = name.endsWith('.gz') ? gunzipSync(body) : body
  return text
    .toString()
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T)
}

function readContainer<T>(body: Buffer): Promise<T[]> {
  const decoder = new avsc.streams.BlockDecoder({
    codecs: {
      null: (data: Buffer, done: (error: Error | null, data: Buffer) => void) => done(null, data),
      deflate: (data: Buffer, done: (error: Error | null, data: Buffer) => void) => done(null, inflateRawSync(data)),
    },
  })
  const values: T[] = []
  return new Promise((resolve, reject) => {
    decoder.on('data', (value: T) => values.push(value))
    decoder.on('error', reject)
    decoder.on('end', () => resolve(values))
    decoder.end(body)
  })
}
