import { KnxMappingError } from './errors.ts'
import { isStatusOnly, plain } from './group-words.ts'

/** What the name of a group address tells. */
export interface NameParts {
  readonly floor?: string
  readonly room: string
  readonly device?: string
  readonly function: string
}

/** A way to put names together: the parts, or `undefined` for a name that is not put together so. */
export type NamePattern = (path: readonly string[], name: string) => NameParts | undefined

const PARTS = ['floor', 'room', 'device', 'function'] as const
const LEVEL = ' / '
/** Longer names than ETS allows are not looked at as a whole: patterns take time. */
const LONGEST = 255

const FLOOR =
  /^([kued]g|og|gf|rdc|\d+\.? ?(og|ug|stock|etage|floor)|(og|ug|etage|floor|level) ?\d+|\d(st|nd|rd|th) floor|\w+ floor)$/

/** `Kitchen - Ceiling - Switch`, `Kitchen - Temperature` or `1.OG - Kitchen - Temperature`, with any of the usual separators. */
export const usualNames: NamePattern = (_path, name) => {
  const fields = name.split(/\s+[-–—|/]\s+|\s*[,;:_|]\s*/).filter((field) => field !== '')
  const floor = fields.length > 2 && FLOOR.test(plain(fields[0] ?? '')) ? fields.shift() : undefined
  const [room, ...rest] = fields
  if (room === undefined || rest.length === 0) return undefined
  const last = rest.pop() ?? ''
  // "Kitchen - Ceiling - Switch - Status" is about the same device as "Kitchen - Ceiling - Switch".
  const what = isStatusOnly(last) && rest.length > 1 ? `${rest.pop()} ${last}` : last
  return {
    room,
    function: what,
    ...(floor === undefined ? {} : { floor }),
    ...(rest.length > 0 ? { device: rest.join(' ') } : {}),
  }
}

/**
 * Compiles `{floor} / {room} - {device} - {function}`: parts in braces, `*` for anything, ` / ` between main group, middle group and
 * name (fewer of them mean the last ones).
 * @throws {KnxMappingError} for one that cannot be used.
 */
export function namePattern(template: string): NamePattern {
  const levels = template.split(LEVEL).length
  const seen = new Set<string>()
  const pieces = template.split(/(\{[^}]*\}|\*)/).map((piece, i, all) => {
    if (i % 2 === 0) return piece.trim() === '' && piece !== '' ? '\\s+' : escaped(piece)
    if (i > 1 && all[i - 1] === '') throw new KnxMappingError(`${show(template)} needs something between its parts`)
    if (piece === '*') return '.*?'
    const part = piece.slice(1, -1).trim()
    if (!(PARTS as readonly string[]).includes(part) || seen.has(part))
      throw new KnxMappingError(
        `${show(template)} may have each of ${PARTS.map((one) => `{${one}}`).join(', ')} once, not ${piece}`,
      )
    seen.add(part)
    return `(?<${part}>.+?)`
  })
  for (const needed of ['room', 'function'])
    if (!seen.has(needed)) throw new KnxMappingError(`${show(template)} needs {${needed}}`)
  const pattern = new RegExp(`^${pieces.join('')}$`, 'iu')
  return (path, name) => {
    const all = [...path, name]
    if (all.length < levels) return undefined
    const groups = pattern.exec(all.slice(-levels).join(LEVEL).slice(0, LONGEST))?.groups
    if (!groups) return undefined
    const part = (key: string): string => groups[key]?.trim() ?? ''
    return {
      room: part('room'),
      function: part('function'),
      ...(part('floor') === '' ? {} : { floor: part('floor') }),
      ...(part('device') === '' ? {} : { device: part('device') }),
    }
  }
}

function escaped(literal: string): string {
  return literal.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&').replaceAll(/\s+/g, '\\s+')
}

function show(template: string): string {
  return `the name pattern ${JSON.stringify(template)}`
}
