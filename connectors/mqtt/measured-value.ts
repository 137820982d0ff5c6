import { kindSpec, valueProblem } from '../reading-kinds.ts'
import type { CompiledReading } from './mapping.ts'
import { fill, type Levels } from './mapping-source.ts'
import { conversion, rounded, unitsOf } from './measured-units.ts'
import { required, typeName, Unusable } from './unusable.ts'

const NUMBER = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i
const NOT_FINITE = /^[+-]?(nan|inf(inity)?)$/i
const MAX_SHOWN = 64

/** What a message of a rule is read with. */
export interface Asked {
  readonly payload: unknown
  readonly levels: Levels
}

/** The value in the unit of its kind, which exists. @throws {Unusable} when it is none, or cannot be true. */
export function measuredValue(kind: string, raw: unknown, { rule, unit }: CompiledReading, asked: Asked): number {
  const { map, range, scale, offset } = rule
  let value = toNumber(kind, map === undefined ? raw : named(kind, raw, map), rule.quoted === true)
  const isChanged = range ?? scale ?? offset ?? unit
  if (range !== undefined) value = ((value - range[0]) / (range[1] - range[0])) * 100
  if (scale !== undefined) value *= scale
  if (offset !== undefined) value += offset
  if (unit !== undefined) value = inUnitOf(kind, value, unitText(unit, asked))
  if (isChanged !== undefined) value = rounded(value)
  const problem = valueProblem(kind, value)
  if (problem) throw new Unusable(problem.code, problem.reason)
  return value
}

/** A payload that is one number and nothing else. @throws {Unusable} */
export function numberOfText(text: string, what: string): number {
  const trimmed = text.trim()
  if (NUMBER.test(trimmed)) return Number(trimmed)
  if (NOT_FINITE.test(trimmed)) throw new Unusable('VALUE_NOT_FINITE', `${what} is ${trimmed}, not a finite number`)
  throw new Unusable('WRONG_TYPE', `${what} is ${shown(text)}, not a number`)
}

function toNumber(kind: string, value: unknown, quoted: boolean): number {
  const isBoolean = kindSpec(kind)?.boolean === true
  if (typeof value === 'number') return value
  if (typeof value === 'boolean' && isBoolean) return Number(value)
  if (typeof value === 'string' && quoted) return numberOfText(value, `the value of ${kind}`)
  throw new Unusable(
    'WRONG_TYPE',
    `the value of ${kind} is ${typeName(value)}, not a number${isBoolean ? ' or boolean' : ''}`,
  )
}

/** What the map makes of it; a number that the map does not have stays. */
function named(kind: string, raw: unknown, map: Readonly<Record<string, number | boolean>>): unknown {
  if (typeof raw !== 'string' && typeof raw !== 'boolean' && typeof raw !== 'number') return raw
  const text = String(raw).trim()
  if (Object.hasOwn(map, text)) return Number(map[text])
  if (typeof raw === 'number') return raw
  throw new Unusable(
    'UNKNOWN_VALUE',
    `the value of ${kind} is ${shown(text)}: the map has ${Object.keys(map).join(', ')}`,
  )
}

function unitText(unit: NonNullable<CompiledReading['unit']>, { payload, levels }: Asked): string {
  if (!('pointer' in unit)) return fill(unit, levels)
  const told = required(payload, unit.pointer)
  if (typeof told !== 'string')
    throw new Unusable('WRONG_TYPE', `the unit in ${unit.text} is ${typeName(told)}, not a text`)
  return told
}

function inUnitOf(kind: string, value: number, unit: string): number {
  const convert = conversion(kind, unit)
  if (convert) return convert(value)
  throw new Unusable('UNKNOWN_UNIT', `the unit of ${kind} is ${shown(unit)}: known are ${unitsOf(kind).join(', ')}`)
}

function shown(text: string): string {
  return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text)
}
