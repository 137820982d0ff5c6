import { SerdeNotReadyError } from '../../common/errors.ts'
import type { Serde } from '../../common/serde.ts'
import { HttpProblem } from '../problem.ts'
import type { StreamsView } from '../streams-view.ts'

export const KEY_TYPES = ['string', 'long', 'base64', 'json'] as const

/** How a key is written in a URL: text, a 64-bit integer, the bytes of the record's key, or JSON. */
export type KeyType = (typeof KEY_TYPES)[number]

/** How the keys of one store are read and written. */
export interface StoreKeys {
  readonly serde: Serde<unknown>
  /** Serdes see the name of the changelog, as they do in the store. */
  readonly topic: string
}

export interface StoreKey {
  readonly key: unknown
  readonly bytes: Buffer
}

/** @throws {UnknownStoreError} */
export function storeKeys(streams: StreamsView, store: string): StoreKeys {
  return {
    serde: streams.queries.builder(store).keySerde,
    topic: streams.queries.serdeTopic(store),
  }
}

/** @throws {HttpProblem} `BAD_KEY` when the text is no key of this store. */
export async function keyFromText(keys: StoreKeys, text: string, given: KeyType | undefined): Promise<StoreKey> {
  const keyType = given ?? usualKeyType(keys.serde)
  try {
    return await whenReady(() => {
      const key = parseKey(keys, text, keyType)
      return { key, bytes: Buffer.from(keys.serde.serialize(key, keys.topic)) }
    })
  } catch (cause) {
    if (cause instanceof SerdeNotReadyError) throw cause
    throw new HttpProblem('BAD_KEY', `keys of this store are ${keys.serde.name}; this is none, read as ${keyType}`, {
      cause,
    })
  }
}

/** @throws {HttpProblem} `BAD_CURSOR` */
export async function keyFromBytes(keys: StoreKeys, bytes: Buffer): Promise<StoreKey> {
  try {
    return await whenReady(() => ({ key: keys.serde.deserialize(bytes, keys.topic), bytes }))
  } catch (cause) {
    if (cause instanceof SerdeNotReadyError) throw cause
    throw new HttpProblem('BAD_CURSOR', 'the cursor does not hold a key of this store', { cause })
  }
}

/** @throws {Error} when it is not base64, in either alphabet, with or without padding. */
export function base64Bytes(text: string): Buffer {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) throw new Error('not base64')
  const bytes = Buffer.from(text, 'base64')
  const digits = text.replace(/=+$/, '').length
  if (digits % 4 === 1 || bytes.length !== Math.floor((digits * 3) / 4)) throw new Error('not base64')
  return bytes
}

/** How keys are written when the request does not say: as their serde suggests. */
function usualKeyType({ name }: Serde<unknown>): KeyType {
  switch (name) {
    case 'integer':
    case 'long':
    case 'bigint':
      return 'long'
    case 'bytes':
      return 'base64'
    case 'json':
    case 'double':
    case 'boolean':
      return 'json'
    default:
      return 'string'
  }
}

function parseKey({ serde, topic }: StoreKeys, text: string, keyType: KeyType): unknown {
  switch (keyType) {
    case 'string':
      return text
    case 'long': {
      if (!/^-?\d{1,19}$/.test(text)) throw new Error('not an integer')
      const value = BigInt(text)
      if (serde.name === 'bigint') return value
      if (!Number.isSafeInteger(Number(value))) throw new Error('beyond 2^53')
      return Number(value)
    }
    case 'base64':
      return serde.deserialize(base64Bytes(text), topic)
    case 'json':
      return JSON.parse(text)
  }
}

/** A serde may have to fetch a schema first: once is enough. */
async function whenReady<T>(read: () => T): Promise<T> {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof SerdeNotReadyError)) throw error
    await error.ready
    return read()
  }
}
