import { asError } from '../../common/errors.ts'

/** A part of a setting that structured cloning refuses. */
export interface Unsendable {
  /** Such as `ssl.checkServerIdentity`; empty for the value itself. */
  readonly path: string
  readonly reason: string
}

/** What of a value cannot be sent to another thread, each with its path. */
export function unsendableParts(value: unknown, path = ''): readonly Unsendable[] {
  if (typeof value === 'function') return [{ path, reason: 'it is a function' }]
  try {
    structuredClone(value)
    return []
  } catch (error) {
    const parts = isPlain(value)
      ? Object.entries(value).flatMap(([name, part]) => unsendableParts(part, path === '' ? name : `${path}.${name}`))
      : []
    return parts.length > 0 ? parts : [{ path, reason: reasonOf(value, error) }]
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}

/** The text of the error may be that of a whole function. */
function reasonOf(value: unknown, error: unknown): string {
  const name = typeof value === 'object' ? value?.constructor?.name : undefined
  return name === undefined || name === 'Object'
    ? asError(error).message
    : `it is a ${name}, which is bound to its thread`
}
