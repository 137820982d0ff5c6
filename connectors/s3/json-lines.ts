/** TypeScript does not know it yet. */
const json = JSON as typeof JSON & { rawJSON(text: string): unknown }

/**
 * A decoded Avro value as one line of JSON. Bytes are base64, unions stand without the name of their branch, a long beyond 2^53 has
 * all its digits, and what JSON has no number for is the text `NaN`, `Infinity` or `-Infinity`.
 */
export function jsonLine(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, replaced)}\n`)
}

function replaced(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return json.rawJSON(String(value))
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  // Buffers come here as what their own toJSON makes of them; the holder has the bytes.
  const original = (this as Readonly<Record<string, unknown>>)[key]
  return original instanceof Uint8Array ? Buffer.from(original).toString('base64') : value
}
