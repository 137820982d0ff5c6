/** Brings the generated parts of the documentation up to date: `node scripts/write-docs.ts`. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { BUILDING_SETTINGS } from '../bin/settings.ts'
import { markdownTable } from '../common/config-print.ts'
import { metricsTable } from '../streams/runtime/metrics/metrics-table.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** Documents with parts that are made from the sources. */
export const GENERATED = ['README.md', 'docs/configuration.md', 'docs/operations.md'] as const

/** A comment that says what the part below it is made from, and that part: a fenced block, or for `settings` and `metrics` a table. */
const PART =
  /(<!-- (?<kind>file|output|settings|metrics):? ?(?<source>\S*) -->\n)(?:(?<fence>```\w+\n)[\s\S]*?(?<end>^```$)|(?:\|.*\n)*)/gm

/** The document with its parts made anew. */
export function withParts(document: string): string {
  return document.replaceAll(PART, (...match) => {
    const [, comment] = match as unknown as readonly [string, string]
    const { kind, source, fence, end } = match.at(-1) as Readonly<Record<string, string | undefined>>
    if (kind === 'metrics') return `${comment}${metricsTable()}`
    if (kind === 'settings') return `${comment}${markdownTable(BUILDING_SETTINGS)}\n`
    return `${comment}${fence}${kind === 'file' ? read(source) : outputOf(source)}${end}`
  })
}

function read(path = ''): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

function outputOf(path = ''): string {
  return execFileSync(process.execPath, [path], { cwd: ROOT, encoding: 'utf8' })
}

if (process.argv[1] === import.meta.filename) {
  for (const path of GENERATED) writeFileSync(join(ROOT, path), withParts(read(path)))
}
