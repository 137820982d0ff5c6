import { kindSpec } from '../reading-kinds.ts'

type Convert = (value: number) => number

const same: Convert = (value) => value

/** By the unit that readings carry: what devices measure in, as they write it. */
const UNITS: Readonly<Record<string, ReadonlyMap<string, Convert>>> = {
  celsius: table([
    [['celsius', 'c', '°c'], same],
    [['fahrenheit', 'f', '°f'], (value) => ((value - 32) * 5) / 9],
    [['kelvin', 'k'], (value) => value - 273.15],
  ]),
  percent: table([
    [['percent', '%'], same],
    [['ratio'], (value) => value * 100],
  ]),
  lux: table([
    [['lux', 'lx'], same],
    [['klx', 'kilolux'], (value) => value * 1000],
  ]),
  hectopascal: table([
    [['hectopascal', 'hpa', 'mbar', 'millibar'], same],
    [['pascal', 'pa'], (value) => value / 100],
    [['kilopascal', 'kpa'], (value) => value * 10],
    [['mmhg'], (value) => value * 1.333_223_684],
    [['inhg'], (value) => value * 33.863_886_67],
  ]),
  boolean: table([[['boolean'], same]]),
}

/** Into the unit of the kind; `undefined` when no reading of this kind is measured in this unit. Case does not matter. */
export function conversion(kind: string, unit: string): Convert | undefined {
  return UNITS[kindSpec(kind)?.unit ?? '']?.get(unit.trim().toLowerCase())
}

/** What `conversion` knows for this kind, one name each, for messages. */
export function unitsOf(kind: string): readonly string[] {
  const units = UNITS[kindSpec(kind)?.unit ?? '']
  const names = new Map<Convert, string>()
  for (const [name, convert] of units ?? []) if (!names.has(convert)) names.set(convert, name)
  return [...names.values()]
}

/** Takes off what binary fractions add: 98.6 °F is 37 °C. */
export function rounded(value: number): number {
  return Number.isFinite(value) ? Number(value.toPrecision(12)) : value
}

function table(rows: readonly (readonly [names: readonly string[], convert: Convert])[]): ReadonlyMap<string, Convert> {
  return new Map(rows.flatMap(([names, convert]) => names.map((name) => [name, convert] as const)))
}
