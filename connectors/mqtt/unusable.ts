import type { Problem } from '../reading-kinds.ts'
import { type JsonPointer, lookUp } from './json-pointer.ts'

/** Why a message, or a part of it, is no reading. Thrown and caught while one message is read. */
export class Unusable extends Error {
  readonly problem: Problem

  constructor(code: string, reason: string) {
    super(reason)
    this.problem = { code, reason }
  }
}

/** The part of the payload that a pointer leads to; `null` where that is there. @throws {Unusable} when there is none. */
export function required(payload: unknown, pointer: JsonPointer): unknown {
  const found = lookUp(payload, pointer)
  if (found !== undefined) return found
  for (let depth = 0; depth < pointer.length; depth++) {
    const holder = lookUp(payload, pointer.slice(0, depth))
    if (holder === undefined) break
    const isList = Array.isArray(holder) && !/^\d+$/.test(pointer[depth] as string)
    if (typeof holder !== 'object' || holder === null || isList)
      throw new Unusable(
        'WRONG_TYPE',
        `${depth === 0 ? 'the payload' : nameOf(pointer.slice(0, depth))} is ${typeName(holder)}, not an object`,
      )
  }
  throw new Unusable('MISSING_FIELD', `the field ${nameOf(pointer)} is missing`)
}

/** `location.room` */
export function nameOf(pointer: JsonPointer): string {
  return pointer.length === 0 ? 'the payload' : pointer.join('.')
}

export function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return 'a text'
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`
}
