import { isReadingKind, kindSpec } from '../reading-kinds.ts'
import {
  type Fields,
  isObject,
  pointerProblems,
  type Report,
  type RuleContext,
  show,
  sourceProblems,
  unknownFields,
} from './mapping-problems.ts'
import { isPointer, levelsNamed } from './mapping-source.ts'
import { conversion, unitsOf } from './measured-units.ts'

const FIELDS = ['kind', 'each', 'kinds', 'value', 'optional', 'quoted', 'map', 'range', 'scale', 'offset', 'unit']
const FLAGS = ['optional', 'quoted']

/** What is wrong with the readings of a rule. */
export function readingProblems(readings: unknown, context: RuleContext, report: Report): void {
  if (context.payload === 'bytes') report(['payload'], 'has readings, but bytes are for records only')
  if (!Array.isArray(readings) || readings.length === 0) {
    report(['readings'], 'has readings that are not a list: readings: [{ kind: …, value: … }]')
    return
  }
  readings.forEach((reading, index) => {
    const at: Report = (path, text) => report(['readings', index, ...path], `reading ${index + 1} ${text}`)
    if (!isObject(reading)) at([], 'is not an object')
    else oneReading(reading, context, at)
  })
}

function oneReading(reading: Fields, context: RuleContext, report: Report): void {
  unknownFields(reading, FIELDS, [], report)
  for (const flag of FLAGS)
    if (reading[flag] !== undefined && typeof reading[flag] !== 'boolean')
      report([flag], `has ${flag}, which must be true or false`)
  const { kind, each, value } = reading
  kindNames(reading, report)
  if ((kind === undefined) === (each === undefined)) {
    report([], 'must have one of kind and each')
    return
  }
  if (each !== undefined) {
    pointerProblems(each, 'each', context, ['each'], report)
    if (value !== undefined) report(['value'], 'has each, which takes the values itself: leave value out')
  } else {
    kindProblems(reading, context, report)
    if (context.payload !== 'json' && value !== undefined)
      report(['value'], `has a value, but its payload is one value (${context.payload}): leave value out`)
    if (context.payload === 'json' && value === undefined)
      report([], 'has no value: say where it stands, such as value: /temperature')
    if (context.payload === 'json' && value !== undefined && value !== '')
      pointerProblems(value, 'value', context, ['value'], report)
  }
  if (context.payload === 'text' && reading['map'] === undefined)
    report([], 'has no map, which must say what the texts mean: map: { ON: 1, OFF: 0 }')
  arithmeticProblems(reading, context, report)
}

function kindProblems({ kind, kinds }: Fields, context: RuleContext, report: Report): void {
  sourceProblems(kind, 'kind', context, ['kind'], report)
  if (typeof kind !== 'string' || isPointer(kind) || levelsNamed(kind).length > 0) return
  if (!isReadingKind(kind) && !(isObject(kinds) && Object.hasOwn(kinds, kind)))
    report(['kind'], `has the kind ${show(kind)}, which does not exist`)
}

function kindNames({ kinds }: Fields, report: Report): void {
  if (kinds === undefined) return
  if (!isObject(kinds)) {
    report(['kinds'], 'has kinds that do not say which name is which kind')
    return
  }
  for (const [name, kind] of Object.entries(kinds))
    if (typeof kind !== 'string' || !isReadingKind(kind))
      report(['kinds', name], `has the kind ${show(kind)}, which does not exist`)
}

function arithmeticProblems(reading: Fields, context: RuleContext, report: Report): void {
  const { map, range, scale, offset, unit } = reading
  if (map !== undefined && !isValueTable(map))
    report(['map'], 'has a map that does not say which text is which number: map: { ON: 1, OFF: 0 }')
  for (const [name, number] of Object.entries({ scale, offset }))
    if (number !== undefined && !(Number.isFinite(number) && (name === 'offset' || number !== 0)))
      report([name], `has the ${name} ${show(number)}: it must be a number${name === 'scale' ? ' other than 0' : ''}`)
  const kind = constantKind(reading)
  if (range !== undefined) {
    if (!isRange(range))
      report(['range'], `has the range ${show(range)}: it must be two different numbers, such as [0, 254]`)
    if (scale !== undefined || offset !== undefined || unit !== undefined)
      report(['range'], 'has a range beside scale, offset or unit: it takes their place')
    if (kind !== undefined && kindSpec(kind)?.unit !== 'percent')
      report(['range'], `has a range, which is for percent, but ${kind} is in ${kindSpec(kind)?.unit}`)
  }
  if (unit === undefined) return
  sourceProblems(unit, 'unit', context, ['unit'], report)
  if (kind === undefined || typeof unit !== 'string' || isPointer(unit) || levelsNamed(unit).length > 0) return
  if (!conversion(kind, unit))
    report(['unit'], `has the unit ${show(unit)}: ${kind} is known in ${unitsOf(kind).join(', ')}`)
}

/** The kind, when it is the same for every message. */
function constantKind({ kind, kinds }: Fields): string | undefined {
  if (typeof kind !== 'string') return undefined
  const named = isObject(kinds) && Object.hasOwn(kinds, kind) ? kinds[kind] : kind
  return typeof named === 'string' && isReadingKind(named) ? named : undefined
}

function isValueTable(map: unknown): boolean {
  return isObject(map) && Object.values(map).every((value) => typeof value === 'boolean' || Number.isFinite(value))
}

function isRange(range: unknown): boolean {
  return Array.isArray(range) && range.length === 2 && range.every(Number.isFinite) && range[0] !== range[1]
}
