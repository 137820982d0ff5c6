import { durationMs } from './duration.ts'
import { asError } from './errors.ts'

/** A value that was read, or what is wrong with it (to follow the setting's name: `must be …`). */
export type Parsed<T> = { readonly value: T } | { readonly problem: string }

/** Everything about one setting. Its name in the file is its property name, its flag the same in kebab case. */
export interface Setting<T> {
  /** Name of the environment variable. */
  readonly env: string
  /** One sentence for `--help` and the documentation. */
  readonly doc: string
  /** The type for people: `port`, `house, none or a number of rooms`. */
  readonly kind: string
  /** `raw` is a string from the environment and from flags, and whatever YAML makes of it from a file. */
  readonly parse: (raw: unknown) => Parsed<T>
  /** Set when the user says nothing. */
  readonly default: T
  /** Never shown and never taken from a flag. */
  readonly secret: boolean
  /** `<env>_FILE` (`<name>File`, `--<name>-file`) may name a file that holds the value. */
  readonly fromFile: boolean
}

interface Basics {
  readonly env: string
  readonly doc: string
  readonly secret?: boolean
  readonly fromFile?: boolean
}

/** With a default the value is always there; without, it may be `undefined`. */
type With<T, D extends T | undefined> = Setting<D extends undefined ? T | undefined : T>

/** Any kind of setting, from a parser of its own. `check` gives what is wrong with a value of the right type. */
export function setting<T, D extends T | undefined = undefined>(
  given: Basics & {
    readonly kind: string
    readonly parse: (raw: unknown) => Parsed<T>
    readonly default?: D
    readonly check?: (value: T) => string | undefined
  },
): With<T, D> {
  const { check } = given
  const parse = (raw: unknown): Parsed<T> => {
    const parsed = given.parse(raw)
    const problem = 'value' in parsed ? check?.(parsed.value) : undefined
    return problem === undefined ? parsed : { problem }
  }
  const secret = given.secret ?? false
  const whole = { ...given, parse, default: given.default, secret, fromFile: given.fromFile ?? secret }
  return whole as unknown as With<T, D>
}

type Options<T, D> = Basics & {
  readonly default?: D
  readonly check?: (value: T) => string | undefined
  readonly kind?: string
}

export function text<D extends string | undefined = undefined>(options: Options<string, D>): With<string, D> {
  return setting<string, D>({ kind: 'text', ...options, parse: parseText })
}

/** A whole number between `min` and `max`, both inclusive. */
export function integer<D extends number | undefined = undefined>(
  options: Options<number, D> & { readonly min?: number; readonly max?: number },
): With<number, D> {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options
  return setting<number, D>({
    kind: 'whole number',
    ...options,
    parse: (raw) => {
      const value = numberOf(raw)
      if (Number.isSafeInteger(value) && value >= min && value <= max) return { value }
      return { problem: `must be a whole number${rangeText(min, max)}, got ${show(raw)}` }
    },
  })
}

/** A TCP or UDP port; 0 lets the system choose one. */
export function port<D extends number | undefined = undefined>(options: Options<number, D>): With<number, D> {
  return integer<D>({ kind: 'port', ...options, min: 0, max: 65_535 })
}

export function boolean<D extends boolean | undefined = undefined>(options: Options<boolean, D>): With<boolean, D> {
  return setting<boolean, D>({
    kind: 'true or false',
    ...options,
    parse: (raw) => {
      const word = String(raw).toLowerCase()
      if (['true', '1', 'yes', 'on'].includes(word)) return { value: true }
      if (['false', '0', 'no', 'off'].includes(word)) return { value: false }
      return { problem: `must be true or false, got ${show(raw)}` }
    },
  })
}

export function choice<T extends string, D extends T | undefined = undefined>(
  values: readonly T[],
  options: Options<T, D>,
): With<T, D> {
  return setting<T, D>({
    kind: values.join(', '),
    ...options,
    parse: (raw) => {
      const value = values.find((candidate) => candidate === raw)
      return value === undefined ? { problem: `must be one of ${values.join(', ')}, got ${show(raw)}` } : { value }
    },
  })
}

/** A length of time in milliseconds, written `250ms`, `10s`, `5m`, `2h` or `1d`. */
export function duration<D extends number | undefined = undefined>(
  options: Options<number, D> & { readonly minMs?: number },
): With<number, D> {
  return setting<number, D>({
    kind: 'duration (250ms, 10s, 5m, 2h, 1d)',
    ...options,
    parse: (raw) => {
      try {
        const value = durationMs(raw as `${number}ms`)
        if (value >= (options.minMs ?? 0)) return { value }
        return { problem: `must be at least ${options.minMs ?? 0} ms, got ${show(raw)}` }
      } catch (error) {
        return { problem: `is not usable: ${asError(error).message}` }
      }
    },
  })
}

/** Texts with commas between them, or a list in a file. */
export function list<D extends readonly string[] | undefined = undefined>(
  options: Options<readonly string[], D>,
): With<readonly string[], D> {
  return setting<readonly string[], D>({
    kind: 'list with commas',
    ...options,
    parse: (raw) => {
      const items: readonly unknown[] = Array.isArray(raw) ? raw : String(raw).split(',')
      const value = items.map((item) => String(item).trim()).filter((item) => item !== '')
      return value.length > 0 ? { value } : { problem: `must name at least one, got ${show(raw)}` }
    },
  })
}

/** A URL with one of these schemes, kept as the text it was. */
export function url<D extends string | undefined = undefined>(
  schemes: readonly string[],
  options: Options<string, D>,
): With<string, D> {
  return setting<string, D>({
    kind: `URL (${schemes.map((scheme) => `${scheme}://`).join(', ')})`,
    ...options,
    parse: (raw) => {
      const parsed = URL.canParse(String(raw)) ? new URL(String(raw)) : undefined
      if (parsed && parsed.host !== '' && schemes.includes(parsed.protocol.slice(0, -1))) return { value: String(raw) }
      return {
        problem: `must be a URL that begins with ${schemes.map((s) => `${s}://`).join(' or ')}, got ${show(raw)}`,
      }
    },
  })
}

/** What the user wrote, for messages; without the password that a URL may hold. */
export function show(raw: unknown): string {
  return withoutPassword(JSON.stringify(raw) ?? String(raw))
}

export function withoutPassword(textWithUrl: string): string {
  return textWithUrl.replaceAll(/(\w:\/\/[^\s/:@]*:)[^\s/@]+@/g, '$1***@')
}

function parseText(raw: unknown): Parsed<string> {
  if (typeof raw === 'string' || typeof raw === 'number' || typeof raw === 'boolean') return { value: String(raw) }
  return { problem: `must be text, got ${show(raw)}` }
}

function numberOf(raw: unknown): number {
  if (typeof raw === 'number') return raw
  return typeof raw === 'string' && /^\s*-?\d+(\.\d+)?\s*$/.test(raw) ? Number(raw) : Number.NaN
}

function rangeText(min: number, max: number): string {
  if (max === Number.MAX_SAFE_INTEGER) return min === Number.MIN_SAFE_INTEGER ? '' : ` of at least ${min}`
  return ` between ${min} and ${max}`
}
