import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { GOLDEN, type Recorded, type Step } from './recording.ts'
import { readRecording } from './replay.ts'
import { RULE_PROOFS } from './rule-proofs.ts'
import { AREAS as FED } from './scenarios/all.ts'
import { CALENDAR } from './scenarios/calendar.ts'
import { NAMING } from './scenarios/naming.ts'
import { PROCESSORS } from './scenarios/processors.ts'
import type { Scenario, Scenarios } from './scenarios/shared.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const AREAS: Readonly<Record<string, Scenarios>> = {
  ...FED,
  calendar: CALENDAR,
  naming: NAMING,
  processors: PROCESSORS,
}
/** Recordings of bytes alone: `bytes.test.ts` compares them. */
const OF_BYTES = ['bytes']
const RULES = 69

interface Compared {
  readonly name: string
  /** Records that the replay expects in both runs, without changelogs; 0 where nothing is compared, or the text of describe() alone. */
  readonly records: number
  readonly described: boolean
}

function deviationOf(area: string, name: string): Scenario['deviation'] {
  const scenario = AREAS[area]?.[name]
  return typeof scenario === 'function' ? undefined : scenario?.deviation
}

function countOf(steps: readonly Step[] = []): number {
  let records = 0
  for (const [, , , , produced] of steps)
    for (const [topic, out] of Object.entries(produced))
      if (!topic.endsWith('-changelog')) records += Array.isArray(out) ? out.length : 1
  return records
}

function comparedOf(area: string, name: string, { steps, withoutCache }: Recorded): Compared {
  const deviation = deviationOf(area, name)
  const withCache = deviation?.withCache === true ? 0 : countOf(steps)
  return {
    name: `${area}/${name}`,
    records: withCache + (deviation?.withoutCache === true ? 0 : countOf(withoutCache)),
    described: steps === undefined && deviation?.describe !== true,
  }
}

const areas = readdirSync(GOLDEN)
  .map((file) => file.replace('.json.gz', ''))
  .filter((area) => !OF_BYTES.includes(area))
const compared = areas.flatMap((area) =>
  Object.entries(readRecording(area).scenarios).map(([name, recorded]) => comparedOf(area, name, recorded)),
)
const textOf = (file: string): string => (existsSync(join(ROOT, file)) ? readFileSync(join(ROOT, file), 'utf8') : '')

describe('the recordings of Kafka Streams', () => {
  it('are all replayed, and none of their tests is skipped', () => {
    expect(areas).toEqual(Object.keys(AREAS).sort())
    for (const area of areas) expect(textOf(`test/oracle/${area}.test.ts`), area).toContain(`replayArea('${area}', `)
    const tests = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.ts') && !file.startsWith('rule-'))
    const held = tests.filter((file) =>
      /\b(it|test|describe)\.(skip|todo|only|fails)/.test(textOf(`test/oracle/${file}`)),
    )
    expect(held).toEqual([])
  })

  it('have at least 150 scenarios with 15,000 expected records, for most operators in both ways of the record cache', () => {
    const fed = compared.filter(({ records }) => records > 0)
    expect(fed.length).toBeGreaterThanOrEqual(150)
    expect(total(fed)).toBeGreaterThanOrEqual(15_000)
  })

  it.each(['README.md', 'docs/semantics.md', 'test/oracle/README.md'])('are as many as %s says', (file) => {
    const told = [...textOf(file).matchAll(/more than ([\d,]+) (scenarios|expected records)/g)]
    expect(told.map(([, , what]) => what)).toEqual(['scenarios', 'expected records'])
    expect(told.map(([, count]) => count)).toEqual([rounded(compared.length), rounded(total(compared))])
  })
})

describe('each rule is held by something', () => {
  it('there is a row for every rule', () => {
    expect(Object.keys(RULE_PROOFS)).toEqual(Array.from({ length: RULES }, (_, i) => String(i + 1)))
  })

  it.each(Object.entries(RULE_PROOFS))('rule %s', (rule, { says, scenarios = [], tests = [] }) => {
    expect(scenarios.length + tests.length, `${rule}: ${says}`).toBeGreaterThan(0)
    for (const pattern of scenarios) {
      const meant = compared.filter(({ name }) =>
        pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
      )
      expect(
        meant.some(({ records, described }) => records > 0 || described),
        `a recording ${pattern} that is compared`,
      ).toBe(true)
    }
    for (const test of tests) {
      const [file = '', title = ''] = test.split(/: (.*)/s)
      expect(hasTest(textOf(file), title), `${file} has a test "${title}"`).toBe(true)
    }
  })

  it('every scenario that is named after a rule is among its proofs', () => {
    const proofs = Object.values(RULE_PROOFS).flatMap(({ scenarios = [] }) => scenarios)
    const named = compared.map(({ name }) => name).filter((name) => /\/rules?-\d\d-/.test(name))
    const proves = (name: string): boolean =>
      proofs.some((p) => (p.endsWith('*') ? name.startsWith(p.slice(0, -1)) : name === p))
    expect(named.filter((name) => !proves(name))).toEqual([])
  })
})

/** A title, the beginning of one that is put together, or a case in a table of them. */
function hasTest(text: string, title: string): boolean {
  return [`'${title}'`, `"${title}"`, `\`${title}`, `\n  ${title}: (`].some((found) => text.includes(found))
}

function total(of: readonly Compared[]): number {
  return of.reduce((sum, { records }) => sum + records, 0)
}

/** Down to two digits, so that it need not be told anew with each scenario. */
function rounded(count: number): string {
  const unit = 10 ** Math.max(0, String(count).length - 2)
  return (Math.floor(count / unit) * unit).toLocaleString('en-US')
}
