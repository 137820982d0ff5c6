import { ConfigError } from '../../common/errors.ts'
import { TimeZone } from '../../common/time-zone.ts'
import type { YamlPath } from '../../common/yaml.ts'
import { CommandMapping } from './command-mapping.ts'
import { type JsonPointer, parsePointer } from './json-pointer.ts'
import { mappingProblems, ruleName } from './mapping-check.ts'
import { BUILT_IN_RULES, type MappingDocument, type MappingRule, type ReadingRule } from './mapping-language.ts'
import { type CompiledSource, compileSource, type Levels } from './mapping-source.ts'
import { covers, reduceFilters } from './topic-filter.ts'
import { compileTopic, filtersOf, type TopicPattern, takeLevels } from './topic-pattern.ts'

/** A rule as messages are read by it. */
export interface CompiledRule {
  readonly rule: MappingRule
  /** `rule 3 (tasmota)`, or what it is of Brook's own. */
  readonly title: string
  readonly deviceId: CompiledSource | undefined
  readonly roomId: CompiledSource | undefined
  readonly time: CompiledTime | undefined
  readonly sequence: CompiledSource | undefined
  readonly readings: readonly CompiledReading[]
  readonly recordKey: CompiledSource | undefined
}

export interface CompiledTime {
  readonly from: CompiledSource
  readonly seconds: boolean
  readonly zone: TimeZone | undefined
}

export interface CompiledReading {
  readonly rule: ReadingRule
  readonly kind: CompiledSource | undefined
  readonly each: JsonPointer | undefined
  readonly value: JsonPointer
  readonly unit: CompiledSource | undefined
}

export interface RuleMatch {
  readonly compiled: CompiledRule
  readonly levels: Levels
}

/** Where a mapping came from, for messages. */
export interface MappingOrigin {
  readonly path: string
  readonly lineOf: (path: YamlPath) => number
}

interface Entry {
  readonly pattern: TopicPattern
  readonly compiled: CompiledRule
}

/** Topics whose rule is remembered; a device publishes under few, so that most messages need no search. */
const MAX_REMEMBERED = 10_000
const MAX_REMEMBERED_LENGTH = 256

/** Ordered rules; the first that matches a topic counts. Brook's own two forms come last, unless the mapping leaves them out. */
export class TopicMapping {
  /** What to subscribe to. */
  readonly filters: readonly string[]
  /** Kafka topics that records go to beside the building's. */
  readonly recordTopics: readonly string[]
  /** How devices are told what to do. */
  readonly commands: CommandMapping
  readonly #entries: readonly Entry[]
  readonly #rooms: ReadonlyMap<string, string>
  readonly #remembered = new Map<string, RuleMatch | undefined>()

  /**
   * @param document as it comes from a file. @throws {ConfigError} listing everything that is wrong with it, with the lines where
   * `origin` knows them.
   */
  constructor(document: unknown = { rules: [] }, origin?: MappingOrigin) {
    const { rules, rooms, commands, builtIn = true } = checked(document, origin)
    this.commands = new CommandMapping(commands, builtIn)
    this.#rooms = new Map(Object.entries(rooms ?? {}))
    this.#entries = [
      ...rules.map((rule, index) => compileRule(rule, ruleName(rule, index))),
      ...(builtIn ? BUILT_IN_RULES.map((rule) => compileRule(rule, `built-in rule (${rule.name})`)) : []),
    ]
    this.filters = reduceFilters(this.#entries.flatMap(({ pattern }) => filtersOf(pattern)))
    this.recordTopics = [...new Set(rules.flatMap(({ record }) => (record ? [record.topic] : [])))]
  }

  /** The rule for this topic with what it takes from it; `undefined` when there is none. */
  match(topic: string): RuleMatch | undefined {
    const known = this.#remembered.get(topic)
    if (known !== undefined || this.#remembered.has(topic)) return known
    const match = this.#search(topic)
    if (topic.length > MAX_REMEMBERED_LENGTH) return match
    if (this.#remembered.size >= MAX_REMEMBERED) this.#remembered.clear()
    this.#remembered.set(topic, match)
    return match
  }

  /** The room that the mapping names for a device. */
  roomOf(deviceId: string): string | undefined {
    return this.#rooms.get(deviceId)
  }

  #search(topic: string): RuleMatch | undefined {
    const levels = topic.split('/')
    for (const { pattern, compiled } of this.#entries) {
      const taken = takeLevels(pattern, levels)
      if (taken) return { compiled, levels: taken }
    }
    return undefined
  }
}

function checked(document: unknown, origin: MappingOrigin | undefined): MappingDocument {
  const problems = mappingProblems(document)
  const all = problems.length > 0 ? problems : unreachable(document as MappingDocument)
  if (all.length === 0) return document as MappingDocument
  throw new ConfigError(
    all.map(({ path, text }) => (origin ? `${origin.path}:${origin.lineOf(path)}: ${text}` : `MQTT mapping: ${text}`)),
  )
}

/** Rules whose topics an earlier one takes all of. */
function unreachable({ rules }: MappingDocument): { path: YamlPath; text: string }[] {
  const filters = rules.map(({ topic, only }) => filtersOf(compileTopic(topic, only)))
  return filters.flatMap((own, index) => {
    const earlier = filters.findIndex(
      (others, at) => at < index && own.every((filter) => others.some((other) => covers(other, filter))),
    )
    if (earlier < 0) return []
    const text = `${ruleName(rules[index], index)} never matches: ${ruleName(rules[earlier], earlier)} takes all its topics; put it before`
    return [{ path: ['rules', index], text }]
  })
}

function compileRule(rule: MappingRule, title: string): Entry {
  const { time } = rule
  const timeRule = typeof time === 'string' ? { from: time } : time
  return {
    pattern: compileTopic(rule.topic, rule.only),
    compiled: {
      rule,
      title,
      deviceId: optional(rule.deviceId),
      roomId: optional(rule.roomId),
      time: timeRule && {
        from: compileSource(timeRule.from),
        seconds: timeRule.unit === 'seconds',
        zone: timeRule.zone === undefined ? undefined : new TimeZone(timeRule.zone),
      },
      sequence: optional(rule.sequence),
      readings: (rule.readings ?? []).map(compileReading),
      recordKey: optional(rule.record?.key),
    },
  }
}

function compileReading(rule: ReadingRule): CompiledReading {
  return {
    rule,
    kind: optional(rule.kind),
    each: rule.each === undefined ? undefined : parsePointer(rule.each),
    value: parsePointer(rule.value ?? '') ?? [],
    unit: optional(rule.unit),
  }
}

function optional(source: string | undefined): CompiledSource | undefined {
  return source === undefined ? undefined : compileSource(source)
}
