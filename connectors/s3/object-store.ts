import { ListObjectsV2Command, PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3'
import { asError } from '../../common/errors.ts'
import { S3RefusedError, S3UnavailableError } from './errors.ts'

export interface S3Endpoint {
  readonly bucket: string
  /** Where S3 is, such as `https://minio.local:9000`; AWS's own for the region where it is not given. */
  readonly endpoint?: string
  readonly region: string
  /** `<endpoint>/<bucket>/…` in place of `<bucket>.<endpoint>/…` (default: true with an endpoint of one's own). */
  readonly pathStyle?: boolean
  /** What AWS's tools find (environment, profile, role of the machine) where they are not given. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** Certificates to trust in place of the system's, as PEM text. */
  readonly ca?: string
}

export interface StoredObject {
  readonly name: string
  readonly body: Buffer
  readonly contentType: string
  /** Text that is kept with the object. */
  readonly metadata: Readonly<Record<string, string>>
}

/** Where objects are put. One attempt a call; trying again is the caller's business. */
export interface ObjectStore {
  /** For people: the bucket and where it is. */
  readonly description: string
  /** Whether the bucket is there and the credentials are known. @throws {S3UnavailableError | S3RefusedError} */
  check(signal: AbortSignal): Promise<void>
  /** Stores the object whole or not at all, over one of the same name. @throws {S3UnavailableError | S3RefusedError} */
  put(object: StoredObject, signal: AbortSignal): Promise<void>
  close(): void
}

const CONNECT_MS = 3_000
/** Without a byte in either direction. */
const SILENT_MS = 10_000
const MAX_SOCKETS = 16
/** Statuses below 500 that pass by themselves. */
const PASSING = new Set([408, 409, 425, 429])

export class S3ObjectStore implements ObjectStore {
  readonly description: string
  readonly #bucket: string
  readonly #client: S3Client

  constructor(options: S3Endpoint) {
    const { bucket, endpoint, region, credentials, ca } = options
    this.#bucket = bucket
    this.description = `bucket ${bucket} at ${endpoint ?? `AWS ${region}`}`
    this.#client = new S3Client({
      region,
      forcePathStyle: options.pathStyle ?? endpoint !== undefined,
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(credentials === undefined ? {} : { credentials }),
      maxAttempts: 1,
      // Many servers that speak S3 refuse the checksum headers which the SDK adds by itself; the signature covers the body.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      requestHandler: {
        connectionTimeout: CONNECT_MS,
        socketTimeout: SILENT_MS,
        httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
        httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS, ...(ca === undefined ? {} : { ca }) },
      },
    })
  }

  async check(signal: AbortSignal): Promise<void> {
    const list = new ListObjectsV2Command({ Bucket: this.#bucket, MaxKeys: 1 })
    try {
      await this.#client.send(list, { abortSignal: signal })
    } catch (error) {
      const told = this.#told(error)
      // Who may only write may not list; whether he may write shows at the first object.
      if (told instanceof S3RefusedError && told.s3Code === 'AccessDenied') return
      throw told
    }
  }

  async put({ name, body, contentType, metadata }: StoredObject, signal: AbortSignal): Promise<void> {
    const put = new PutObjectCommand({
      Bucket: this.#bucket,
      Key: name,
      Body: body,
      ContentType: contentType,
      Metadata: { ...metadata },
    })
    try {
      await this.#client.send(put, { abortSignal: signal })
    } catch (error) {
      throw this.#told(error)
    }
  }

  close(): void {
    this.#client.destroy()
  }

  #told(thrown: unknown): Error {
    const cause = asError(thrown)
    const status = cause instanceof S3ServiceException ? (cause.$metadata.httpStatusCode ?? 0) : 0
    if (status >= 300 && status < 500 && !PASSING.has(status)) {
      const advice = ADVICE[cause.name] ?? `it answers ${status} ${cause.name}: ${cause.message}`
      return new S3RefusedError(`S3 refuses ${this.description}: ${advice}`, cause.name, { cause })
    }
    if (cause.name === 'CredentialsProviderError') {
      const advice = 'there are no credentials; set BROOK_S3_ACCESS_KEY_ID and BROOK_S3_SECRET_ACCESS_KEY'
      return new S3RefusedError(`S3 cannot be asked for ${this.description}: ${advice}`, cause.name, { cause })
    }
    return new S3UnavailableError(`S3 does not take objects for ${this.description}: ${reasonOf(cause, status)}`, {
      cause,
    })
  }
}

const ADVICE: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket (NoSuchBucket); create it, or mend BROOK_S3_BUCKET',
  AccessDenied: 'these credentials may not write there (AccessDenied); give them s3:PutObject',
  InvalidAccessKeyId: 'it does not know the access key (InvalidAccessKeyId); mend BROOK_S3_ACCESS_KEY_ID',
  SignatureDoesNotMatch:
    'the secret does not belong to the access key (SignatureDoesNotMatch); mend BROOK_S3_SECRET_ACCESS_KEY',
  PermanentRedirect: 'the bucket is in another region (PermanentRedirect); mend BROOK_S3_REGION',
  AuthorizationHeaderMalformed: 'the bucket is in another region (AuthorizationHeaderMalformed); mend BROOK_S3_REGION',
  RequestTimeTooSkewed: 'the clock of this machine is wrong (RequestTimeTooSkewed)',
}

function reasonOf(cause: Error, status: number): string {
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name
  if (status > 0) return `status ${status} ${cause.name}`
  return cause.message.includes(code) ? cause.message : `${code} ${cause.message}`.trim()
}
