import type { ReadingKind } from '../../schemas/types.ts'

/** `status`: what the device says it is. `write`: what it is told to be. */
export type GroupRole = 'write' | 'status'

type Words = readonly (readonly [ReadingKind, RegExp])[]

/** What the words of names say of the kind, in English, German and French; the first that fits counts. */
const KINDS: Words = [
  ['temperature', /temperatur|\btemp\b/],
  ['humidity', /humid|feucht/],
  ['pressure', /pressure|luftdruck|pression|baromet/],
  ['motion', /motion|presence|prasenz|praesenz|bewegung|mouvement|occupan|belegung/],
  ['battery', /batter|\bakku\b|\bpile\b/],
  ['blinds', /blind|shutter|jalousie|roll?l?laden|rolladen|raffstore|\bstoren?\b|\bstores?\b|volet|behang/],
  ['radiator', /radiat|valve|ventil|vanne|heizkorper|heizung|heating|chauff|stellgro|actuating/],
  ['switch', /socket|outlet|steckdose|prise/],
  ['luminance', /\blux\b|luminan|luminosit|illumin|brightness|helligkeit|lichtstarke/],
  ['light', /light|lamp|licht|leucht|lumiere|eclairage|dimm|\bspots?\b|\bled\b/],
]
/** What is only said of a switch when nothing better is. */
const SWITCHED = /switch|schalt|on.?off|ein.?aus|marche|allum/
const STATUS = /status|\bstate\b|feedback|ruck?meld|rueckmeld|\brm\b|\betat\b|retour|\bist\b|istwert|\bactual\b|anzeige/
/** Functions that look like one of the kinds and are none. */
const OTHER_FUNCTIONS =
  /set.?point|sollwert|\bsoll\b|consigne|lamell|\bslat|\blames?\b|sperr|\block|verrouill|\bstop|szene|\bscene|automatik|\bauto(matic)?\b/

/** Lower case without accents: `Rückmeldung` is `ruckmeldung`. */
export function plain(text: string): string {
  return text.toLowerCase().replaceAll('ß', 'ss').normalize('NFD').replaceAll(/\p{M}/gu, '')
}

/** The kinds that words speak of, those of the first text before those of later ones. */
export function kindsSpokenOf(...texts: readonly string[]): readonly ReadingKind[] {
  const kinds = texts.flatMap((text) => KINDS.filter(([, words]) => words.test(plain(text))).map(([kind]) => kind))
  return [...new Set([...kinds, ...(texts.some((text) => SWITCHED.test(plain(text))) ? (['switch'] as const) : [])])]
}

export function speaksOfStatus(text: string): boolean {
  return STATUS.test(plain(text))
}

/** Says nothing else than that it is the status of what was named before. */
export function isStatusOnly(text: string): boolean {
  const words = plain(text).match(/[\p{L}\p{N}]+/gu) ?? []
  return words.length > 0 && words.every((word) => STATUS.test(word))
}

/** A set point, slats, a lock: not what the building sets or measures. */
export function speaksOfOther(text: string): boolean {
  return OTHER_FUNCTIONS.test(plain(text))
}
