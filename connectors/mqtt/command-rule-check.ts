import { COMMAND_NAMES } from './command-language.ts'
import { type Fields, isObject, type Report, show, unknownFields } from './mapping-problems.ts'

const FIELDS = ['name', 'devices', 'kinds', 'topic', 'payload', 'map', 'range', 'confirmedBy']
const NAME = /<([^<>]*)>/g
const CONFIRMED_BY = ['reading', 'broker']

/** Tells `report` what is wrong with a rule of `commands`. */
export function commandRuleProblems(rule: unknown, report: Report): void {
  if (!isObject(rule)) {
    report([], 'is not an object')
    return
  }
  unknownFields(rule, FIELDS, [], report)
  const { name, devices, kinds, topic, payload = '<value>', confirmedBy = 'reading' } = rule
  if (name !== undefined && typeof name !== 'string') report(['name'], 'has a name that is not a text')
  if (devices !== undefined && !isTextList(devices)) report(['devices'], 'has devices that are not a list of ids')
  if (kinds !== undefined && !isTextList(kinds)) report(['kinds'], 'has kinds that are not a list of kinds')
  if (typeof topic !== 'string' || topic === '') report(['topic'], 'has no topic')
  else topicProblems(topic, report)
  if (typeof payload !== 'string') report(['payload'], 'has a payload that is not a text')
  else namesOf(payload, 'payload', [...COMMAND_NAMES, 'value'], report)
  if (!CONFIRMED_BY.includes(confirmedBy as string))
    report(['confirmedBy'], `has confirmedBy ${show(confirmedBy)}: it must be ${CONFIRMED_BY.join(' or ')}`)
  valueProblems(rule, report)
}

function topicProblems(topic: string, report: Report): void {
  namesOf(topic, 'topic', COMMAND_NAMES, report)
  if (/[+#\0]/.test(topic)) report(['topic'], 'has a wildcard in its topic: a message goes to one topic')
  if (topic.startsWith('$')) report(['topic'], 'has a topic that begins with $, which is the broker’s own')
}

function valueProblems({ map, range }: Fields, report: Report): void {
  if (map !== undefined && range !== undefined) report([], 'has both map and range: write one of them')
  if (map !== undefined && !(isObject(map) && Object.entries(map).every(isMapEntry)))
    report(['map'], 'has a map that does not say what stands for which number: map: { 0: off, 1: on }')
  const isRange = Array.isArray(range) && range.length === 2 && range.every(Number.isFinite) && range[0] !== range[1]
  if (range !== undefined && !isRange) report(['range'], 'has a range that is not [what 0 % is, what 100 % is]')
}

function namesOf(text: string, field: string, known: readonly string[], report: Report): void {
  for (const [, name = ''] of text.matchAll(NAME))
    if (!known.includes(name))
      report([field], `has <${name}> in its ${field}: there are ${known.map((one) => `<${one}>`).join(', ')}`)
}

function isMapEntry([value, text]: [string, unknown]): boolean {
  return value.trim() !== '' && Number.isFinite(Number(value)) && ['string', 'number', 'boolean'].includes(typeof text)
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === 'string' && text !== '')
}
