import { posix } from 'node:path'
import { type Import, readSource, type SourceFacts } from './imports.ts'
import {
  isTestCode,
  MAX_SOURCE_LINES,
  MAX_TEST_LINES,
  NEVER_REACH,
  PROPERTIES,
  ROOMS,
  type Room,
  TEST_TOOLS,
  TESTS_MAY_IMPORT,
} from './rooms.ts'

/** Texts of source files by their path from the root of the repository, with `/`. */
export type Tree = ReadonlyMap<string, string>

interface Arrow {
  readonly to: string
  readonly typeOnly: boolean
}

interface Graph {
  readonly facts: ReadonlyMap<string, SourceFacts>
  readonly arrows: ReadonlyMap<string, readonly Arrow[]>
}

/** Everything in the tree that the rules of the house do not allow, one sentence each. */
export function checkArchitecture(tree: Tree): string[] {
  const unreadable: string[] = []
  const facts = new Map([...tree].map(([path, text]) => [path, read(path, text, unreadable)]))
  const arrows = new Map([...facts].map(([path, { imports }]) => [path, arrowsOf(path, imports)]))
  const graph: Graph = { facts, arrows }
  return [
    ...unreadable,
    ...missingFiles(graph),
    ...forbiddenArrows(graph),
    ...forbiddenReach(graph),
    ...testsInProduction(graph),
    ...cycles(graph),
    ...longFiles(tree),
    ...sharedPackages(graph),
    ...mutedTests(graph),
    ...strayProperties(graph),
    ...machinePaths(tree),
  ]
}

function read(path: string, text: string, problems: string[]): SourceFacts {
  try {
    return readSource(text)
  } catch (error) {
    problems.push(`${path} cannot be parsed: ${String(error).split('\n')[1] ?? error}`)
    return { imports: [], mutedTests: [] }
  }
}

function arrowsOf(path: string, imports: readonly Import[]): Arrow[] {
  return imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier, typeOnly }) => ({ to: posix.join(posix.dirname(path), specifier), typeOnly }))
}

function missingFiles({ arrows }: Graph): string[] {
  return eachArrow(arrows, (from, { to }) =>
    to.endsWith('.ts') && !to.endsWith('.d.ts') && !arrows.has(to)
      ? `${from} imports ${to}, which is not there`
      : undefined,
  )
}

function forbiddenArrows({ arrows }: Graph): string[] {
  return eachArrow(arrows, (from, { to }) => {
    const room = roomOf(from)
    if (!room || inFolder(to, room.folder)) return undefined
    const allowed = [...room.mayImport, ...(isTestCode(from) ? TESTS_MAY_IMPORT : [])]
    const isAllowed =
      allowed.some((target) => target === '*' || inFolder(to, target)) || (isTestCode(from) && isTestCode(to))
    if (isAllowed) return undefined
    return `${from} imports ${to}, but ${room.folder} may import only ${room.mayImport.join(', ') || 'itself'}: ${room.why}`
  })
}

function forbiddenReach({ arrows }: Graph): string[] {
  const problems: string[] = []
  for (const { from, never, why } of NEVER_REACH) {
    for (const start of arrows.keys()) {
      if (!inFolder(start, from) || isTestCode(start)) continue
      const path = pathTo(start, arrows, (to) => never.some((folder) => inFolder(to, folder)))
      if (path)
        problems.push(`${path.join(' → ')}: ${from} must never reach ${folderOf(path.at(-1) as string)}: ${why}`)
    }
  }
  return problems
}

function testsInProduction({ arrows, facts }: Graph): string[] {
  const imported = eachArrow(arrows, (from, { to }) =>
    !isTestCode(from) && isTestCode(to) && !to.startsWith('test/')
      ? `${from} imports ${to}, which is test code`
      : undefined,
  )
  const tools = [...facts].flatMap(([path, { imports }]) =>
    isTestCode(path) || isRootFile(path)
      ? []
      : imports
          .map(({ specifier }) => packageOf(specifier))
          .filter((name) => name !== undefined && TEST_TOOLS.includes(name))
          .map(
            (name) => `${path} imports ${name}, so it is test code: its name must say so (x.test.ts, or in contract/)`,
          ),
  )
  return [...imported, ...tools]
}

/** Configuration of tools, such as vitest.config.ts. */
function isRootFile(path: string): boolean {
  return !path.includes('/')
}

/** The shortest chain of imports from `start` to a file that `isTarget` picks. */
function pathTo(start: string, arrows: Graph['arrows'], isTarget: (path: string) => boolean): string[] | undefined {
  const seen = new Set([start])
  const queue = [[start]]
  for (const path of queue) {
    for (const { to } of arrows.get(path.at(-1) as string) ?? []) {
      if (seen.has(to)) continue
      if (isTarget(to)) return [...path, to]
      seen.add(to)
      queue.push([...path, to])
    }
  }
}

/**
 * Cycles of what is loaded, by depth-first search: an arrow to a file that is still open closes one. Type imports are gone
 * when the program runs; across rooms the table forbids their cycles as well, and inside one two types may name each other.
 */
function cycles({ arrows }: Graph): string[] {
  const found = new Set<string>()
  const done = new Set<string>()
  const open: string[] = []
  const visit = (path: string) => {
    const at = open.indexOf(path)
    if (at >= 0) {
      found.add(`cycle: ${[...fromSmallest(open.slice(at))].join(' → ')}`)
      return
    }
    if (done.has(path)) return
    open.push(path)
    for (const { to, typeOnly } of arrows.get(path) ?? []) if (!typeOnly) visit(to)
    open.pop()
    done.add(path)
  }
  for (const path of arrows.keys()) visit(path)
  return [...found]
}

function fromSmallest(cycle: readonly string[]): string[] {
  const first = cycle.indexOf([...cycle].sort()[0] as string)
  const turned = [...cycle.slice(first), ...cycle.slice(0, first)]
  return [...turned, turned[0] as string]
}

function longFiles(tree: Tree): string[] {
  return [...tree].flatMap(([path, text]) => {
    const lines = text.trimEnd().split('\n').length
    const limit = isTestCode(path) ? MAX_TEST_LINES : MAX_SOURCE_LINES
    // Generated: nobody reads or writes it.
    return lines > limit && path !== 'schemas/types.ts' ? [`${path} has ${lines} lines; ${limit} are allowed`] : []
  })
}

/** A package that two files import cannot be replaced in one place. Tests may speak to the world with any package. */
function sharedPackages({ facts }: Graph): string[] {
  const users = new Map<string, Set<string>>()
  for (const [path, { imports }] of facts) {
    if (isTestCode(path) || isRootFile(path)) continue
    for (const { specifier, typeOnly } of imports) {
      const packageName = packageOf(specifier)
      if (typeOnly || packageName === undefined || TEST_TOOLS.includes(packageName)) continue
      const files = users.get(packageName) ?? new Set()
      users.set(packageName, files.add(path))
    }
  }
  return [...users].flatMap(([name, files]) =>
    files.size > 1 ? [`package ${name} is imported by ${files.size} files: ${[...files].sort().join(', ')}`] : [],
  )
}

function packageOf(specifier: string): string | undefined {
  if (specifier.startsWith('.') || specifier.startsWith('node:')) return undefined
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function mutedTests({ facts }: Graph): string[] {
  return [...facts].flatMap(([path, { mutedTests: muted }]) =>
    muted.map((call) => `${path} has ${call}: a test that cannot run must fail and say why`),
  )
}

function strayProperties({ facts }: Graph): string[] {
  return [...facts].flatMap(([path, { imports }]) =>
    path !== PROPERTIES && isTestCode(path) && imports.some(({ specifier }) => packageOf(specifier) === 'fast-check')
      ? [`${path} imports fast-check: ${PROPERTIES} gives it with the seed of the run`]
      : [],
  )
}

const MACHINE_PATH = /(?<![\w.])(\/work\/(?:main|shared)|\/root\/|\/Users\/\w|\/home\/(?!node\b)\w|[A-Z]:\\Users)/

function machinePaths(tree: Tree): string[] {
  return [...tree].flatMap(([path, text]) =>
    text.split('\n').flatMap((line, i) => {
      const match = MACHINE_PATH.exec(line)
      return match ? [`${path}:${i + 1} names a path of one machine: ${match[0]}`] : []
    }),
  )
}

function eachArrow(arrows: Graph['arrows'], check: (from: string, arrow: Arrow) => string | undefined): string[] {
  const problems = [...arrows].flatMap(([from, list]) => list.map((arrow) => check(from, arrow)))
  return [...new Set(problems.filter((problem) => problem !== undefined))]
}

function roomOf(path: string): Room | undefined {
  return ROOMS.find(({ folder }) => inFolder(path, folder))
}

function inFolder(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

function folderOf(path: string): string {
  return path.split('/').slice(0, 2).join('/')
}
