/** The topic of a rule: an MQTT filter in which `<name>` stands for one level that is taken over. */
export interface TopicPattern {
  /** A level as text, `+`, a last `#`, or what a level is called. */
  readonly levels: readonly (string | { readonly name: string; readonly only: ReadonlySet<string> | undefined })[]
}

type Only = Readonly<Record<string, readonly string[]>>

const MAX_TOPIC_BYTES = 65_535
/** What one rule may be subscribed to as, when `only` lists the texts of its levels. */
const MAX_FILTERS = 1_000

/** `topic` has been checked. */
export function compileTopic(topic: string, only: Only = {}): TopicPattern {
  return {
    levels: topic.split('/').map((level) => {
      const name = levelName(level)
      if (name === undefined) return level
      return { name, only: Object.hasOwn(only, name) ? new Set(only[name]) : undefined }
    }),
  }
}

/** What the pattern takes from a topic; `undefined` when it does not match. */
export function takeLevels(
  { levels: wanted }: TopicPattern,
  levels: readonly string[],
): Map<string, string> | undefined {
  const taken = new Map<string, string>()
  for (let i = 0; i < wanted.length; i++) {
    const want = wanted[i]
    if (want === '#') return taken
    const level = levels[i]
    if (level === undefined) return undefined
    if (typeof want === 'object') {
      if (want.only !== undefined && !want.only.has(level)) return undefined
      taken.set(want.name, level)
    } else if (want !== '+' && want !== level) return undefined
  }
  return wanted.length === levels.length ? taken : undefined
}

/** What to subscribe to for the pattern: one filter, or one for each text that a level may have. */
export function filtersOf({ levels }: TopicPattern): readonly string[] {
  return levels.reduce<string[]>(
    (filters, level, i) => {
      const texts = typeof level === 'string' ? [level] : [...(level.only ?? ['+'])]
      return filters.flatMap((filter) => texts.map((text) => (i === 0 ? text : `${filter}/${text}`)))
    },
    [''],
  )
}

/** Tells `report` what is wrong with the topic of a rule; answers the names of its levels. */
export function topicProblems(topic: string, only: unknown, report: (text: string) => void): ReadonlySet<string> {
  const names = new Set<string>()
  if (Buffer.byteLength(topic) > MAX_TOPIC_BYTES || topic.includes('\0')) report('has a topic that MQTT does not allow')
  if (topic.startsWith('$')) report('has a topic that begins with $, which is the broker’s own')
  const levels = topic.split('/')
  levels.forEach((level, index) => {
    const name = levelName(level)
    if (name !== undefined) {
      if (names.has(name)) report(`has <${name}> twice in its topic`)
      names.add(name)
    } else if (level === '#' ? index !== levels.length - 1 : level !== '+' && /[+#<>]/.test(level))
      report(`has the topic level ${JSON.stringify(level)}: wildcards and <names> stand alone, and # last`)
  })
  if (filterCount(only) > MAX_FILTERS) report(`has more than ${MAX_FILTERS} combinations under only: write fewer, or +`)
  return names
}

function filterCount(only: unknown): number {
  if (typeof only !== 'object' || only === null) return 1
  return Object.values(only).reduce((count: number, texts) => count * (Array.isArray(texts) ? texts.length : 1), 1)
}

/** The name between `<` and `>`; `undefined` for any other level. */
function levelName(level: string): string | undefined {
  return /^<([^<>+#]+)>$/.exec(level)?.[1]
}
