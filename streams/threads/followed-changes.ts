import type { ChangelogRecord } from '../../stores/state-store.ts'

/** A changelog record on its way between threads. */
export interface WireChange {
  readonly key: Uint8Array
  readonly value: Uint8Array | null
  readonly timestampMs: number
  readonly headers: readonly { readonly key: string; readonly value: Uint8Array | null }[]
}

/** Copied: a buffer may be a view of a larger one, which would be sent as a whole. */
export function packChange({ changelogKey, changelogValue, timestampMs, headers }: ChangelogRecord): WireChange {
  return {
    key: new Uint8Array(changelogKey),
    value: changelogValue && new Uint8Array(changelogValue),
    timestampMs,
    headers: headers.map(({ key, value }) => ({ key, value: value && new Uint8Array(value) })),
  }
}

export function unpackChange({ key, value, timestampMs, headers }: WireChange): ChangelogRecord {
  return {
    changelogKey: buffer(key),
    changelogValue: value && buffer(value),
    timestampMs,
    headers: headers.map((header) => ({ key: header.key, value: header.value && buffer(header.value) })),
  }
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
