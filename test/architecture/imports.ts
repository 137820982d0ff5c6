import { parseAst } from 'vitest/node'

export interface Import {
  readonly specifier: string
  /** Gone when types are stripped: no code is loaded. */
  readonly typeOnly: boolean
}

export interface SourceFacts {
  readonly imports: readonly Import[]
  /** `describe.only`, `test.skip`, … as they stand in the source. */
  readonly mutedTests: readonly string[]
}

type Node = Readonly<Record<string, unknown>>

const MUTING = new Set(['only', 'skip', 'skipIf', 'runIf', 'todo', 'fails'])
const TEST_FUNCTIONS = new Set(['describe', 'it', 'test', 'suite', 'bench', 'context', 'ctx'])

/** What a TypeScript source imports, statically, dynamically, as a type, or as a worker's file, and which of its tests are muted. */
export function readSource(text: string): SourceFacts {
  const imports: Import[] = []
  const mutedTests: string[] = []
  const add = (source: unknown, typeOnly: boolean) => {
    const specifier = literal(source)
    if (specifier !== undefined) imports.push({ specifier, typeOnly })
  }
  walk(parseAst(text, { lang: 'ts' }) as unknown, (node) => {
    switch (node['type']) {
      case 'ImportDeclaration':
        return add(node['source'], node['importKind'] === 'type')
      case 'ExportNamedDeclaration':
      case 'ExportAllDeclaration':
        return add(node['source'], node['exportKind'] === 'type')
      case 'ImportExpression':
        return add(node['source'], false)
      case 'TSImportType':
        return add(node['source'] ?? node['argument'], true)
      case 'NewExpression':
        return add(fileOfModuleUrl(node), false)
      case 'CallExpression':
        return name(node['callee']) === 'require' ? add(list(node['arguments'])[0], false) : undefined
      case 'MemberExpression': {
        const property = name(node['property'])
        const root = rootName(node['object'])
        if (property && root && MUTING.has(property) && TEST_FUNCTIONS.has(root)) mutedTests.push(`${root}.${property}`)
      }
    }
  })
  return { imports, mutedTests }
}

/** The literal of `new URL('./worker.ts', import.meta.url)`, which is how another module is started as a worker. */
function fileOfModuleUrl(node: Node): unknown {
  const [file, base] = list(node['arguments'])
  const isUrl =
    name(node['callee']) === 'URL' &&
    isNode(base) &&
    isNode(base['object']) &&
    base['object']['type'] === 'MetaProperty'
  return isUrl && literal(file)?.endsWith('.ts') ? file : undefined
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (Array.isArray(value)) {
    for (const item of value) walk(item, visit)
  } else if (isNode(value)) {
    if (typeof value['type'] === 'string') visit(value)
    for (const child of Object.values(value)) walk(child, visit)
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

function literal(value: unknown): string | undefined {
  if (!isNode(value)) return undefined
  if (value['type'] === 'TSLiteralType') return literal(value['literal'])
  return typeof value['value'] === 'string' ? value['value'] : undefined
}

function name(value: unknown): string | undefined {
  return isNode(value) && value['type'] === 'Identifier' && typeof value['name'] === 'string'
    ? value['name']
    : undefined
}

/** `test` of `test.concurrent.each`, or of `test.each(…)`. */
function rootName(value: unknown): string | undefined {
  if (!isNode(value)) return undefined
  return name(value) ?? rootName(value['object']) ?? rootName(value['callee'])
}
