import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..', '..')
const STREAMS = join(ROOT, 'streams')
const page = readFileSync(join(ROOT, 'docs', 'semantics.md'), 'utf8')

interface Method {
  readonly name: string
  /** Of all of its overloads. */
  readonly comment: string
}

interface PublicClass {
  readonly name: string
  /** Of the class itself. */
  readonly comment: string
  readonly methods: readonly Method[]
}

/** The classes of the DSL that `streams/index.ts` lets out, with what can be called on them. */
function dslClasses(): readonly PublicClass[] {
  const index = readFileSync(join(STREAMS, 'index.ts'), 'utf8')
  const exports = [...index.matchAll(/export \{([^}]*)\} from '\.\/(dsl\/[\w-]+\.ts)'/g)]
  return exports.flatMap(([, names = '', file = '']) => {
    const source = readFileSync(join(STREAMS, file), 'utf8')
    return names
      .split(',')
      .map((name) => name.trim())
      .filter((name) => source.includes(`export class ${name}<`) || source.includes(`export class ${name} `))
      .map((name) => ({ name, comment: commentOf(source, name), methods: methodsOf(bodyOf(source, name)) }))
  })
}

function commentOf(source: string, name: string): string {
  const before = source.slice(0, source.search(new RegExp(`export class ${name}[< ]`)))
  return before.trimEnd().endsWith('*/') ? before.slice(before.lastIndexOf('/**')) : ''
}

function bodyOf(source: string, name: string): string {
  const start = source.search(new RegExp(`export class ${name}[< ]`))
  return source.slice(start, source.indexOf('\n}\n', start))
}

/** Public members with parameters: the sources are formatted, so two spaces and a small letter begin one. */
function methodsOf(body: string): readonly Method[] {
  const methods = new Map<string, string>()
  let comment = ''
  for (const line of body.split('\n')) {
    if (/^ {2}\/\*\*/.test(line)) comment = line
    else if (/^ {3}\*/.test(line)) comment += ` ${line.slice(4)}`
    const [, name] = /^ {2}(?:static )?([a-z]\w*)[<(]/.exec(line) ?? []
    if (name !== undefined && name !== 'constructor') methods.set(name, `${methods.get(name) ?? ''}${comment}`)
    if (!/^ {2}\/\*\*|^ {3}\*/.test(line)) comment = ''
  }
  return [...methods].map(([name, text]) => ({ name, comment: text }))
}

const nodeNames = (text: string): string[] =>
  [
    ...new Set([...text.matchAll(/\b(?:KSTREAM|KTABLE|COGROUPKSTREAM)-[A-Z-]*[A-Z](?=-n\b)/g)].map(([name]) => name)),
  ].sort()

/** Sources of these folders, without their tests. */
function sourcesOf(...folders: readonly string[]): readonly string[] {
  return folders.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !/\.test(-d)?\.ts$|^contract\//.test(file))
      .map((file) => readFileSync(join(ROOT, folder, file), 'utf8')),
  )
}

/** Prefixes of node names that the DSL gives, where a constant begins them too. */
function generatedNames(): readonly string[] {
  const names = sourcesOf('streams/dsl').flatMap((text) => {
    const constants = new Map(
      [...text.matchAll(/const ([A-Z]+) = '(K[A-Z-]+-)'/g)].map(([, name, value]) => [name, value]),
    )
    const plain = [...text.matchAll(/'((?:KSTREAM|KTABLE|COGROUPKSTREAM)-[A-Z-]*[A-Z])-'/g)].map(([, name]) => name)
    const composed = [...text.matchAll(/`\$\{([A-Z]+)\}([A-Z-]+)-`/g)].map(
      ([, name, rest]) => `${constants.get(name)}${rest}`,
    )
    const begun = [...constants.values()].map((value) => (value ?? '').slice(0, -1))
    return [...plain.filter((name) => !begun.includes(name ?? '')), ...composed]
  })
  return [...new Set(names.filter((name) => name !== undefined))].sort()
}

interface Property {
  readonly name: string
  readonly commented: boolean
}

/** Properties of the option objects that users write, by interface. */
function optionsOf(text: string): readonly (readonly [options: string, properties: readonly Property[]])[] {
  return [
    ...text.matchAll(/export interface (\w*(?:Options|ed|Stored|Materialized|Joined|AsOf))\b[^{]*\{\n(.*?)\n\}/gs),
  ].map(([, name = '', body = '']) => {
    const lines = body.split('\n')
    const properties = lines.flatMap((line, i) => {
      const [, property] = /^ {2}readonly (\w+)\??:/.exec(line) ?? []
      return property === undefined ? [] : [{ name: property, commented: /\*\/$/.test(lines[i - 1] ?? '') }]
    })
    return [name, properties]
  })
}

/** What is said once, where it is said first: serdes by role, the name of a node, how a store is kept. */
const SAID_ONCE = [
  'name',
  'key',
  'value',
  'persistent',
  'logging',
  'changelogConfigs',
  'partitioner',
  'timestampExtractor',
]

const classes = dslClasses()
const operators = classes.filter(({ name }) =>
  /^(K|GlobalK|Cogrouped|TimeWindowed|SessionWindowed|CountWindowed|Branched)|Builder$/.test(name),
)

describe('the page on semantics and the doc comments', () => {
  test('the classes of the DSL are found', () => {
    const names = operators.map(({ name }) => name)
    expect(names).toEqual(
      expect.arrayContaining(['KStream', 'KTable', 'KGroupedStream', 'KGroupedTable', 'StreamsBuilder']),
    )
    expect(operators.find(({ name }) => name === 'KStream')?.methods.length).toBeGreaterThan(20)
  })

  test.each(classes.flatMap(({ name, methods }) => methods.map((m) => [`${name}.${m.name}`, m] as const)))(
    '%s has a comment',
    (_name, { comment }) => {
      expect(comment.length).toBeGreaterThan(40)
    },
  )

  test.each(classes.map(({ name, comment }) => [name, comment]))(
    '%s says where its semantics come from',
    (_name, comment) => {
      expect(comment).toMatch(/@see/)
    },
  )

  test.each(operators.flatMap(({ name, methods }) => methods.map((m) => [`${name}.${m.name}`, m] as const)))(
    '%s says where its semantics come from',
    (_name, { comment }) => {
      expect(comment).toMatch(/@see|\{@link|@throws|docs\/adr/)
    },
  )

  test.each(operators.flatMap(({ name, methods }) => methods.map((m) => [`${name}.${m.name}`, m.name] as const)))(
    '%s is on the page',
    (_name, method) => {
      const named = new RegExp(`\`[^\`]*\\b${method}\\b[^\`]*\``).test(page)
      expect(named, `docs/semantics.md has \`${method}\` somewhere`).toBe(true)
    },
  )

  test('the page and the comments name the same nodes', () => {
    const comments = operators.flatMap(({ methods }) => methods.map(({ comment }) => comment)).join('\n')
    const stores = /-STATE-STORE$|^KSTREAM-OUTERSHARED$/
    const nodes = (text: string): string[] => nodeNames(text).filter((name) => !stores.test(name))
    expect(nodes(page).filter((name) => !nodes(comments).includes(name))).toEqual([])
    expect(nodes(comments).filter((name) => !nodes(page).includes(name))).toEqual([])
  })

  test('the page has every name that the DSL generates, and no other', () => {
    const generated = generatedNames()
    expect(generated.length).toBeGreaterThan(40)
    expect(generated.filter((name) => !nodeNames(page).includes(name))).toEqual([])
    const stores = /-STATE-STORE$|^KSTREAM-OUTERSHARED$/
    expect(nodeNames(page).filter((name) => !stores.test(name) && !generated.includes(name))).toEqual([])
  })
})

test('the page has every reason for which a record is dropped', () => {
  const source = readFileSync(join(STREAMS, 'processors', 'processor.ts'), 'utf8')
  const [type = ''] = /export type DropReason =.*?\n\n/s.exec(source) ?? []
  const reasons = [...type.matchAll(/'([a-z-]+)'/g)].map(([, reason]) => reason)
  expect(reasons.length).toBeGreaterThan(10)
  expect(reasons.filter((reason) => !page.includes(`\`${reason}\``))).toEqual([])
})

describe('what is no class', () => {
  const stores = readFileSync(join(ROOT, 'stores', 'stores.ts'), 'utf8')
  const body = stores.slice(
    stores.indexOf('export const Stores = {'),
    stores.indexOf('\n}\n', stores.indexOf('export const Stores')),
  )

  test.each(methodsOf(body))(
    'Stores.$name says what it makes, what it refuses and where that comes from',
    ({ comment }) => {
      expect(comment).toMatch(/@throws/)
      expect(comment.length).toBeGreaterThan(80)
    },
  )

  const index = readFileSync(join(STREAMS, 'index.ts'), 'utf8')
  const ofProcessors = sourcesOf('streams/processors').flatMap(optionsOf)
  const options = [
    ...sourcesOf('streams/dsl', 'stores').flatMap(optionsOf),
    ...ofProcessors.filter(([name]) => new RegExp(`\\b${name}\\b`).test(index)),
  ]

  test('the options are found', () => {
    expect(options.map(([name]) => name)).toEqual(
      expect.arrayContaining([
        'Materialized',
        'AsyncOptions',
        'StreamJoined',
        'Deduplicated',
        'KeyValueStoreOptions',
        'ScheduleOptions',
      ]),
    )
  })

  test.each(options)('%s: every property has a comment, or a name that says all', (_name, properties) => {
    expect(properties.filter(({ name, commented }) => !commented && !SAID_ONCE.includes(name))).toEqual([])
  })
})

describe('the table of what is there', () => {
  const code = sourcesOf('streams', 'stores').join('\n')
  const operatorCode = sourcesOf('streams/dsl', 'streams/processors').join('\n')
  const errors = readFileSync(join(ROOT, 'common', 'errors.ts'), 'utf8') + code
  const table = page.slice(page.indexOf('## What is there, and what is not'))
  const rows = table
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| **') && !line.startsWith('| ---'))
  const cells = rows.slice(1).map((row) => row.slice(2, -2).split(' | ') as [theirs: string, here: string])

  test('has a row for each', () => {
    expect(cells.length).toBeGreaterThanOrEqual(50)
    expect(cells.filter((row) => row.length !== 2 || row.some((cell) => cell.trim() === ''))).toEqual([])
  })

  test.each(cells)('%s', (_theirs, here) => {
    expect(here).toMatch(/there|absent|as an option|`/)
    const absent = [...here.matchAll(/((?:`\w+`(?:, | and )?)+) absent/g)].flatMap(([, names = '']) => ticked(names))
    for (const name of ticked(here).filter((word) => /^\w+$/.test(word)))
      if (name.endsWith('Error')) expect(errors, name).toContain(`class ${name} `)
      else if (absent.includes(name))
        expect(operatorCode, `${name} is absent`).not.toMatch(new RegExp(`^ {2}(readonly )?${name}[?(<:]`, 'm'))
      else expect(code, `${name} is there`).toMatch(new RegExp(`\\b${name}\\b`))
  })
})

function ticked(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)
}
