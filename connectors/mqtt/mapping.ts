import { ConfigError } from '../../common/errors.ts'
import type { ReadingKind } from '../../schemas/types.ts'
import { isReadingKind } from '../reading-kinds.ts'
import { covers, reduceFilters } from './topic-filter.ts'

/** What can be taken from a topic's levels, or fixed by the rule. */
export interface Captured {
  readonly roomId?: string
  readonly deviceId?: string
  readonly kind?: string
}

/**
 * Which messages are readings. `topic` is an MQTT filter in which `<roomId>`, `<deviceId>` and `<kind>` stand for a level that
 * is taken over; `+` and a last `#` match as in MQTT. `payload` is how the message is read: `value` is one value of one kind,
 * `sensor-message` a sensor's whole message with all it measures. What neither topic nor payload tells is fixed here.
 */
export interface MappingRule {
  readonly topic: string
  readonly payload: 'value' | 'sensor-message'
  readonly roomId?: string
  readonly deviceId?: string
  readonly kind?: Exclude<ReadingKind, 'unknown'>
}

/** `building/<roomId>/<deviceId>/<kind>` with one value, `sensors/<deviceId>` with a whole sensor message. */
export const DEFAULT_RULES: readonly MappingRule[] = [
  { topic: 'building/<roomId>/<deviceId>/<kind>', payload: 'value' },
  { topic: 'sensors/<deviceId>', payload: 'sensor-message' },
]

const CAPTURES = ['roomId', 'deviceId', 'kind'] as const
type Capture = (typeof CAPTURES)[number]

interface CompiledRule {
  readonly rule: MappingRule
  readonly levels: readonly (string | { readonly capture: Capture })[]
}

export interface RuleMatch {
  readonly rule: MappingRule
  readonly captured: Captured
}

/** Ordered rules; the first that matches a topic counts. */
export class TopicMapping {
  /** What to subscribe to. */
  readonly filters: readonly string[]
  readonly #rules: readonly CompiledRule[]

  /** @param rules as they come from a configuration file. @throws {ConfigError} listing everything that is wrong with them. */
  constructor(rules: unknown = DEFAULT_RULES) {
    const valid = validateRules(rules)
    this.#rules = valid.map((rule) => ({ rule, levels: rule.topic.split('/').map(compileLevel) }))
    this.filters = reduceFilters(valid.map((rule) => filterOf(rule.topic)))
  }

  /** The rule for this topic with what it takes from it; `undefined` when there is none. */
  match(topic: string): RuleMatch | undefined {
    const levels = topic.split('/')
    for (const { rule, levels: wanted } of this.#rules) {
      const captured = capture(wanted, levels)
      if (captured) return { rule, captured: { ...fixedBy(rule), ...captured } }
    }
    return undefined
  }
}

function fixedBy(rule: MappingRule): Captured {
  const { roomId, deviceId, kind } = rule
  return {
    ...(roomId === undefined ? {} : { roomId }),
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(kind === undefined ? {} : { kind }),
  }
}

function compileLevel(level: string): string | { capture: Capture } {
  const name = captureName(level)
  return name === undefined ? level : { capture: name as Capture }
}

/** The name between `<` and `>`; `undefined` for any other level. */
function captureName(level: string): string | undefined {
  return level.length > 2 && level.startsWith('<') && level.endsWith('>') ? level.slice(1, -1) : undefined
}

function filterOf(topic: string): string {
  return topic
    .split('/')
    .map((level) => (captureName(level) === undefined ? level : '+'))
    .join('/')
}

function capture(wanted: CompiledRule['levels'], levels: readonly string[]): Record<string, string> | undefined {
  const captured: Record<string, string> = {}
  for (let i = 0; i < wanted.length; i++) {
    const want = wanted[i]
    if (want === '#') return captured
    const level = levels[i]
    if (level === undefined) return undefined
    if (typeof want === 'object') captured[want.capture] = level
    else if (want !== '+' && want !== level) return undefined
  }
  return wanted.length === levels.length ? captured : undefined
}

function validateRules(rules: unknown): MappingRule[] {
  if (!Array.isArray(rules) || rules.length === 0)
    throw new ConfigError(['the MQTT mapping must be a list of at least one rule'])
  const problems: string[] = []
  const topics: (string | undefined)[] = []
  rules.forEach((rule: unknown, index) => {
    const found = ruleProblems(rule)
    problems.push(...found.map((problem) => `MQTT mapping rule ${index + 1} ${problem}`))
    topics.push(found.length === 0 ? filterOf((rule as MappingRule).topic) : undefined)
  })
  topics.forEach((topic, index) => {
    const earlier = topics.findIndex(
      (other, at) => at < index && other !== undefined && topic !== undefined && covers(other, topic),
    )
    if (earlier >= 0)
      problems.push(`MQTT mapping rule ${index + 1} never matches: rule ${earlier + 1} takes all its topics`)
  })
  if (problems.length > 0) throw new ConfigError(problems)
  return rules as MappingRule[]
}

const KNOWN_FIELDS: ReadonlySet<string> = new Set(['topic', 'payload', ...CAPTURES])

function ruleProblems(rule: unknown): string[] {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) return ['is not an object']
  const fields = rule as Record<string, unknown>
  const problems: string[] = []
  for (const name of Object.keys(fields))
    if (!KNOWN_FIELDS.has(name)) problems.push(`has an unknown field ${JSON.stringify(name)}`)
  const { topic, payload, kind } = fields
  if (payload !== 'value' && payload !== 'sensor-message')
    problems.push(`has the payload ${JSON.stringify(payload)}: it must be "value" or "sensor-message"`)
  for (const name of CAPTURES) {
    const value = fields[name]
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      problems.push(`has a ${name} that is not a text`)
  }
  if (typeof kind === 'string' && kind !== '' && !isReadingKind(kind))
    problems.push(`has the kind ${JSON.stringify(kind)}, which does not exist`)
  if (typeof topic !== 'string' || topic === '') return [...problems, 'has no topic']
  const captured = topicProblems(topic, problems)
  for (const name of CAPTURES) {
    if (captured.has(name) && fields[name] !== undefined) problems.push(`has ${name} both fixed and from the topic`)
    if (payload === 'value' && !captured.has(name) && fields[name] === undefined)
      problems.push(`does not tell the ${name}: put <${name}> into the topic or fix it`)
  }
  if (payload === 'sensor-message' && (captured.has('kind') || kind !== undefined))
    problems.push('has a kind, but a sensor message tells its kinds itself')
  return problems
}

/** Adds to `problems`; returns what the topic captures. */
function topicProblems(topic: string, problems: string[]): Set<string> {
  const captured = new Set<string>()
  if (Buffer.byteLength(topic) > 65_535 || topic.includes('\0')) problems.push('has a topic that MQTT does not allow')
  if (topic.startsWith('$')) problems.push('has a topic that begins with $, which is the broker’s own')
  const levels = topic.split('/')
  levels.forEach((level, index) => {
    const name = captureName(level)
    if (name !== undefined) {
      if (!CAPTURES.includes(name as Capture))
        problems.push(`has <${name}> in its topic: only <${CAPTURES.join('>, <')}> exist`)
      else if (captured.has(name)) problems.push(`has <${name}> twice in its topic`)
      captured.add(name)
    } else if (level === '#' ? index !== levels.length - 1 : level !== '+' && /[+#<>]/.test(level))
      problems.push(`has the topic level ${JSON.stringify(level)}: wildcards stand alone, and # last`)
  })
  return captured
}
