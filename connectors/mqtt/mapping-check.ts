import type { YamlPath } from '../../common/yaml.ts'
import { topics } from '../../schemas/topics.ts'
import { commandRuleProblems } from './command-rule-check.ts'
import type { PayloadForm } from './mapping-language.ts'
import {
  type Fields,
  isObject,
  type MappingProblem,
  pointerProblems,
  type Report,
  type RuleContext,
  show,
  sourceProblems,
  unknownFields,
} from './mapping-problems.ts'
import { isPointer, levelsNamed } from './mapping-source.ts'
import { readingProblems } from './reading-rule-check.ts'
import { topicProblems } from './topic-pattern.ts'

const DOCUMENT_FIELDS = ['rules', 'rooms', 'commands', 'builtIn']
const RULE_FIELDS = [
  'name',
  'topic',
  'only',
  'payload',
  'deviceId',
  'roomId',
  'time',
  'sequence',
  'readings',
  'record',
  'ignore',
  'whenEmpty',
]
const USES = ['readings', 'record', 'ignore']
const PAYLOADS = ['json', 'number', 'text', 'bytes']
const KAFKA_TOPIC = /^[a-zA-Z0-9._-]{1,249}$/
const OWN_TOPICS: ReadonlySet<string> = new Set(Object.values(topics).map(({ name }) => name))

/** What is wrong with a mapping, whatever it is; nothing when it is a `MappingDocument` that can be used. */
export function mappingProblems(value: unknown): readonly MappingProblem[] {
  const problems: MappingProblem[] = []
  const report: Report = (path, text) => problems.push({ path, text })
  if (!isObject(value)) {
    report([], 'must have a list of rules: rules: [{ topic: …, readings: … }]')
    return problems
  }
  unknownFields(value, DOCUMENT_FIELDS, [], (path, text) => report(path, `the mapping ${text}`))
  const { rules, rooms, commands = [], builtIn } = value
  if (builtIn !== undefined && typeof builtIn !== 'boolean') report(['builtIn'], 'builtIn must be true or false')
  if (rooms !== undefined && !isTextTable(rooms))
    report(['rooms'], 'rooms must name the room of each device: rooms: { a-device: a-room }')
  if (!Array.isArray(rules) || (rules.length === 0 && builtIn === false))
    report(['rules'], 'rules must be a list of at least one rule')
  else
    rules.forEach((rule, index) => {
      const at = (path: YamlPath, text: string): void =>
        report(['rules', index, ...path], `${ruleName(rule, index)} ${text}`)
      ruleProblems(rule, rooms !== undefined, at)
    })
  if (!Array.isArray(commands)) report(['commands'], 'commands must be a list of rules')
  else
    commands.forEach((rule: unknown, index) => {
      commandRuleProblems(rule, (path, text) =>
        report(['commands', index, ...path], `command ${ruleName(rule, index)} ${text}`),
      )
    })
  return problems
}

/** `rule 3 (tasmota)` */
export function ruleName(rule: unknown, index: number): string {
  const name = isObject(rule) && typeof rule['name'] === 'string' ? ` (${rule['name']})` : ''
  return `rule ${index + 1}${name}`
}

function ruleProblems(rule: unknown, hasRooms: boolean, report: Report): void {
  if (!isObject(rule)) {
    report([], 'is not an object')
    return
  }
  unknownFields(rule, RULE_FIELDS, [], report)
  const { topic, payload = 'json', name, whenEmpty } = rule
  if (name !== undefined && typeof name !== 'string') report(['name'], 'has a name that is not a text')
  if (!PAYLOADS.includes(payload as string))
    report(['payload'], `has the payload ${show(payload)}: it must be ${PAYLOADS.join(', ')}`)
  if (whenEmpty !== undefined && whenEmpty !== 'dead-letter' && whenEmpty !== 'ignore')
    report(['whenEmpty'], `has whenEmpty ${show(whenEmpty)}: it must be dead-letter or ignore`)
  if (typeof topic !== 'string' || topic === '') {
    report(['topic'], 'has no topic')
    return
  }
  const levels = topicProblems(topic, rule['only'], (text) => report(['topic'], text))
  onlyProblems(rule['only'], levels, report)
  const uses = USES.filter((use) => rule[use] !== undefined)
  if (uses.length !== 1)
    report([], `must have one of ${USES.join(', ')}${uses.length > 1 ? `: it has ${uses.join(' and ')}` : ''}`)
  const context = { levels, payload: payload as PayloadForm }
  if (rule['readings'] !== undefined) whoAndWhere(rule, context, hasRooms, report)
  if (rule['readings'] !== undefined) readingProblems(rule['readings'], context, report)
  if (rule['record'] !== undefined) recordProblems(rule['record'], context, report)
  timeProblems(rule, context, report)
  if (rule['ignore'] !== undefined && rule['ignore'] !== true) report(['ignore'], 'has ignore, which can only be true')
}

function whoAndWhere(rule: Fields, context: RuleContext, hasRooms: boolean, report: Report): void {
  for (const name of ['deviceId', 'roomId']) {
    const source = rule[name]
    if (source === undefined) continue
    sourceProblems(source, name, context, [name], report)
    if (typeof source !== 'string' || !context.levels.has(name) || levelsNamed(source).includes(name)) continue
    if (name === 'roomId' || !isPointer(source)) report([name], `has ${name} both of its own and from the topic`)
  }
  if (rule['deviceId'] === undefined && !context.levels.has('deviceId'))
    report([], 'does not tell the deviceId: put <deviceId> into the topic, or add deviceId')
  if (rule['roomId'] === undefined && !context.levels.has('roomId') && !hasRooms)
    report(
      [],
      'does not tell the roomId: put <roomId> into the topic, add roomId, or name the rooms of devices under rooms',
    )
}

function onlyProblems(only: unknown, levels: ReadonlySet<string>, report: Report): void {
  if (only === undefined) return
  if (!isObject(only)) {
    report(['only'], 'has only, which must name levels: only: { roomId: [a, b] }')
    return
  }
  for (const [name, texts] of Object.entries(only)) {
    if (!levels.has(name)) report(['only', name], `has ${name} under only, which its topic does not have`)
    else if (!Array.isArray(texts) || texts.length === 0 || !texts.every(isLevelText))
      report(['only', name], `has under only, for ${name}, something else than a list of levels`)
  }
}

function recordProblems(record: unknown, context: RuleContext, report: Report): void {
  if (!isObject(record)) {
    report(['record'], 'has a record that is not { topic: …, key: … }')
    return
  }
  unknownFields(record, ['topic', 'key'], ['record'], report)
  const { topic, key } = record
  if (typeof topic !== 'string' || !KAFKA_TOPIC.test(topic) || topic === '.' || topic === '..')
    report(['record', 'topic'], `has the record topic ${show(topic)}, which Kafka does not allow`)
  else if (OWN_TOPICS.has(topic))
    report(['record', 'topic'], `writes to ${topic}, where the building keeps Avro records: take another topic`)
  if (key === undefined) report(['record'], 'has a record without a key: records with one key stay in order')
  else sourceProblems(key, 'key', context, ['record', 'key'], report)
  if (context.payload !== 'json' && context.payload !== 'bytes')
    report(['payload'], 'has a record, whose payload must be json or bytes')
}

function timeProblems(rule: Fields, context: RuleContext, report: Report): void {
  const { time, sequence } = rule
  if (sequence !== undefined) pointerProblems(sequence, 'sequence', context, ['sequence'], report)
  if (!isObject(time)) {
    if (time !== undefined) pointerProblems(time, 'time', context, ['time'], report)
    return
  }
  unknownFields(time, ['from', 'unit', 'zone'], ['time'], report)
  pointerProblems(time['from'], 'time', context, ['time', 'from'], report)
  const { unit, zone } = time
  if (unit !== undefined && unit !== 'seconds' && unit !== 'milliseconds')
    report(['time', 'unit'], `has a time in ${show(unit)}: it must be milliseconds or seconds`)
  if (zone !== undefined && !isZone(zone))
    report(['time', 'zone'], `has the time zone ${show(zone)}: write one as Europe/Zurich`)
}

function isTextTable(value: unknown): boolean {
  return isObject(value) && Object.values(value).every((text) => typeof text === 'string' && text !== '')
}

function isLevelText(text: unknown): boolean {
  return typeof text === 'string' && text !== '' && !/[+#/\0]/.test(text)
}

function isZone(zone: unknown): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: String(zone) })
    return typeof zone === 'string'
  } catch {
    return false
  }
}
