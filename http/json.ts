export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/**
 * Any value as JSON: bigint as a string, bytes as base64, dates as ISO 8601, maps as lists of pairs, numbers that JSON does
 * not have (`NaN`, `Infinity`) as strings. Members that are `undefined` or functions are left out. The result shares
 * nothing with the value, which may live in a store's cache and change later.
 */
export function toJson(value: unknown): Json {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : String(value)
    case 'bigint':
      return value.toString()
    case 'object':
      return value === null ? null : objectToJson(value)
    default:
      return null
  }
}

function objectToJson(value: object): Json {
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (Array.isArray(value)) return value.map(toJson)
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Map) return [...value].map(([key, item]) => [toJson(key), toJson(item)])
  if (value instanceof Set) return [...value].map(toJson)
  const members: [string, Json][] = []
  for (const [name, item] of Object.entries(value)) {
    if (item !== undefined && typeof item !== 'function' && typeof item !== 'symbol') members.push([name, toJson(item)])
  }
  return Object.fromEntries(members)
}
