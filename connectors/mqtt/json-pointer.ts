/** The names that lead to a part of a JSON value (RFC 6901). */
export type JsonPointer = readonly string[]

/** @returns `undefined` when the text is no pointer: it is empty or begins with `/`, and a `~` in it is followed by 0 or 1. */
export function parsePointer(text: string): JsonPointer | undefined {
  if (text === '') return []
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined
  return text
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/** The part itself; `undefined` when there is none. Only what the value has of its own counts, so no `__proto__` leads out of it. */
export function lookUp(value: unknown, pointer: JsonPointer): unknown {
  let part = value
  for (const name of pointer) {
    if (typeof part !== 'object' || part === null) return undefined
    if (Array.isArray(part) && !/^(0|[1-9]\d{0,8})$/.test(name)) return undefined
    if (!Object.hasOwn(part, name)) return undefined
    part = (part as Record<string, unknown>)[name]
  }
  return part
}
