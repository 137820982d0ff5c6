import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from 'vitest'
import { kindSpec } from '../../connectors/reading-kinds.ts'
import { topics } from '../../schemas/topics.ts'
import { readingKindSymbols } from '../../schemas/types.ts'
import { defaultRules } from '../../topology/rooms/room.ts'
import { ALL_RULES } from '../../topology/rules/all-rules.ts'
import { stores } from '../../topology/store-names.ts'
import { readSource } from '../architecture/imports.ts'
import { isTestCode } from '../architecture/rooms.ts'
import { readTree } from '../architecture/tree.ts'

const ROOT = join(import.meta.dirname, '..', '..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

interface Package {
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

const written = JSON.parse(read('package.json')) as Package
/** With the optional ones among the others: they are documented alike. */
const manifest: Package = { ...written, dependencies: { ...written.dependencies, ...written.optionalDependencies } }

function markdownFiles(folder = ''): string[] {
  const skipped = new Set(['node_modules', 'data', 'dist', '.git', 'test-results'])
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return skipped.has(entry.name) ? [] : markdownFiles(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}

/** Cells of the rows of a table whose first cell is in backquotes. */
function rows(document: string): string[][] {
  return document
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    )
}

const ticked = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text as string)

describe.each(markdownFiles())('%s', (path) => {
  const document = read(path)

  test('links to what is there', () => {
    const links = [...document.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link]) => link as string)
    const missing = links.filter((link) => !existsSync(join(ROOT, dirname(path), link)))
    expect(missing).toEqual([])
  })

  test('names npm scripts that exist', () => {
    const named = [...document.matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name as string)
    expect(named.filter((name) => !(name in manifest.scripts))).toEqual([])
  })
})

describe('docs/dependencies.md', () => {
  const documented = rows(read('docs/dependencies.md'))

  test('has every direct dependency, and no other', () => {
    const named = documented.flatMap(([first = '']) => ticked(first))
    expect(named.sort()).toEqual(
      [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)].sort(),
    )
  })

  test('says truly which file imports each', async () => {
    const importers = new Map<string, string[]>()
    for (const [path, text] of await readTree(ROOT)) {
      if (isTestCode(path) || path.endsWith('.d.ts')) continue
      for (const { specifier, typeOnly } of readSource(text).imports) {
        if (typeOnly) continue
        const name = Object.keys(manifest.dependencies).find((d) => specifier === d || specifier.startsWith(`${d}/`))
        if (name !== undefined) importers.set(name, [...new Set([...(importers.get(name) ?? []), path])])
      }
    }
    const told = new Map(
      documented.filter((row) => row.length === 3).map(([name = '', , file = '']) => [ticked(name)[0], ticked(file)]),
    )
    const found = new Map(Object.keys(manifest.dependencies).map((name) => [name, importers.get(name) ?? []]))
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(found))
  })
})

describe('docs/building.md', () => {
  const document = read('docs/building.md')
  const documented = rows(document)
  const first = documented.flatMap(([cell = '']) => ticked(cell))

  test.each(Object.values(topics))('has the topic $name with its key', ({ name, key }) => {
    const row = documented.find(([cell]) => cell === `\`${name}\``)
    expect(row?.[1]).toBe(key === 'original' ? 'the original key, or none' : key)
  })

  test.each(Object.values(stores))('has the store %s', (name) => {
    expect(first).toContain(name)
  })

  test.each(ALL_RULES.map(({ name }) => name))('has the rule %s', (name) => {
    expect(first).toContain(name)
  })

  test('has the rules in their order of precedence', () => {
    const names = ALL_RULES.map(({ name }) => name)
    expect([...new Set(first.filter((name) => names.includes(name)))]).toEqual(names)
  })

  test('has the default of every threshold and switch', () => {
    const { roomId: _, ...defaults } = defaultRules('any')
    const told = documented.flatMap(([names = '', value = '']) =>
      ticked(names)
        .filter((name) => name in defaults)
        .map((name) => [name, ticked(value)[0]]),
    )
    expect(Object.fromEntries(told)).toEqual(
      Object.fromEntries(Object.entries(defaults).map(([name, value]) => [name, JSON.stringify(value)])),
    )
  })

  test.each(readingKindSymbols.filter((kind) => kind !== 'unknown'))('has unit and bounds of %s', (kind) => {
    const spec = kindSpec(kind)
    expect(documented.find(([cell]) => cell === `\`${kind}\``)?.slice(1)).toEqual([
      spec?.unit,
      String(spec?.min),
      String(spec?.max),
    ])
  })

  test('has every code that makes MQTT input a dead letter', () => {
    const files = ['decode', 'measured-time', 'measured-value', 'unusable'].map((name) => `connectors/mqtt/${name}.ts`)
    const source = [...files, 'connectors/reading-kinds.ts'].map(read).join('')
    const codes = [...source.matchAll(/(?:Unusable\(\s*|code: )'([A-Z_0-9]+)'/g)].map(([, code]) => code as string)
    expect(codes.length).toBeGreaterThan(5)
    expect([...new Set(codes)].filter((code) => !first.includes(code))).toEqual([])
  })

  test('has every route', () => {
    const folder = join(ROOT, 'http', 'routes')
    const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
    const paths = sources.flatMap((text) => [...text.matchAll(/path: '(\/[^']*)'/g)].map(([, path]) => path as string))
    expect(paths.length).toBeGreaterThan(15)
    expect(paths.filter((path) => !document.includes(` ${path}\``))).toEqual([])
  })
})

describe('docs/adr', () => {
  test('the list has every page', () => {
    const folder = join(ROOT, 'docs', 'adr')
    const pages = readdirSync(folder).filter((name) => /^\d{4}-.*\.md$/.test(name))
    const list = read(relative(ROOT, join(folder, 'README.md')))
    expect(pages.length).toBeGreaterThan(0)
    expect(pages.filter((page) => !list.includes(`](${page})`))).toEqual([])
  })
})
