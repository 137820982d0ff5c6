import { cp, mkdir, readdir, readFile, rm, stat } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram } from '../apt.ts'
import { cached } from '../cache.ts'
import { ServerStartError } from '../errors.ts'
import type { Progress } from '../maven.ts'
import { lastLines, run } from '../run.ts'
import { nodeHeaders, packageSources } from './sources.ts'

const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
const PACKAGE = 'openzwave-shared'
const ADDON = join('build', 'Release', 'openzwave_shared.node')
/** Where distributions and `make install` put the library's headers. */
const HEADERS = ['/usr/include/openzwave', '/usr/local/include/openzwave']

const WAY_OUT = 'sudo apt-get install libopenzwave1.6-dev g++, then npm run openzwave'

/** Why the native driver cannot be built here; `undefined` when it can. */
export async function openzwaveObstacle(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `it is built on Linux only, this is ${process.platform}`
  if ((await libraryHeaders()) === undefined) return `the library libopenzwave is not on this machine (${WAY_OUT})`
  if ((await findProgram('g++')) === undefined) return `a C++ compiler is not on this machine (${WAY_OUT})`
}

/**
 * Puts openzwave-shared with its native part into node_modules. What is built is kept in the cache, by versions of package,
 * Node and library: the next time it is copied. @throws {ServerStartError} with the compiler's last words.
 */
export async function buildOpenzwave(progress: Progress): Promise<void> {
  const headers = await libraryHeaders()
  if (headers === undefined) throw new ServerStartError(`libopenzwave is missing: ${WAY_OUT}`)
  const folder = join(ROOT, 'node_modules', PACKAGE)
  const { version } = await lockEntry(PACKAGE)
  const manager = await stat(join(headers, 'Manager.h'))
  const stamp = [version, process.version, process.arch, manager.size, manager.mtimeMs].join(' ')
  const built = await cached(`${PACKAGE}-${process.versions.modules}-${process.arch}`, stamp, async (into) => {
    progress(`building ${PACKAGE} ${version} for Node ${process.version} (about a minute)`)
    const startedMs = Date.now()
    await build(headers, into)
    progress(`built in ${Math.round((Date.now() - startedMs) / 1000)} s`)
  })
  if (await isSame(join(built, ADDON), join(folder, ADDON))) return
  await mkdir(folder, { recursive: true })
  await cp(built, folder, { recursive: true })
}

async function build(headers: string, into: string): Promise<void> {
  const work = join(into, 'work')
  await mkdir(work)
  const sources = await packageSources(PACKAGE, await lockEntry(PACKAGE), ROOT, work)
  const nan = await packageSources('nan', await lockEntry('nan'), ROOT, work)
  const flags = await compilerFlags(headers, [await nodeHeaders(work), nan])
  const files = (await readdir(join(sources, 'src'))).filter((file) => file.endsWith('.cc'))
  const objects = files.map((file) => join(work, `${file}.o`))
  const waiting = files.map((file, i) => ['-c', join(sources, 'src', file), '-o', objects[i] as string])
  const compile = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await gcc([...flags, ...next])
  }
  await Promise.all(Array.from({ length: availableParallelism() }, compile))
  await mkdir(dirname(join(into, ADDON)), { recursive: true })
  await gcc(['-shared', '-pthread', ...objects, '-L/usr/local/lib', '-lopenzwave', '-o', join(into, ADDON)])
  for (const part of ['package.json', 'LICENSE.md', 'lib'])
    await cp(join(sources, part), join(into, part), { recursive: true })
  await rm(work, { recursive: true })
  await loads(into)
}

/**
 * What node-gyp would say, but for the standard: the package asks for C++11, the headers of Node 24 need C++20. Compiled directly, it
 * needs neither Python nor make, and no patch.
 */
async function compilerFlags(headers: string, includes: readonly string[]): Promise<string[]> {
  const has = async (text: string): Promise<number> => Number(await contains(join(headers, 'value_classes'), text))
  const defines = {
    NODE_GYP_MODULE_NAME: 'openzwave_shared',
    USING_UV_SHARED: 1,
    USING_V8_SHARED: 1,
    BUILDING_NODE_EXTENSION: 1,
    _FILE_OFFSET_BITS: 64,
    _LARGEFILE_SOURCE: 1,
    OPENZWAVE_ETC: '/etc/openzwave',
    OPENZWAVE_DOC: '/usr/share/doc',
    OPENZWAVE_SECURITY: 1,
    OPENZWAVE_EXCEPTIONS: 1,
    OPENZWAVE_16: 1,
    OPENZWAVE_VALUETYPE_FROM_ENUM: await has('GetTypeNameFromEnum'),
    OPENZWAVE_VALUETYPE_FROM_VALUEID: await has('GetTypeAsString'),
  }
  return [
    ...['-std=c++20', '-O1', '-w', '-fPIC', '-pthread', '-fno-rtti', '-fno-strict-aliasing'],
    ...Object.entries(defines).map(([name, value]) => `-D${name}=${value}`),
    ...[...includes, headers, join(headers, 'value_classes')].map((folder) => `-I${folder}`),
  ]
}

async function gcc(args: readonly string[]): Promise<void> {
  const { exitCode, output } = await run('g++', args)
  if (exitCode !== 0) throw new ServerStartError(`openzwave-shared does not compile: ${lastLines(output, 5)}`)
}

/** In a process of its own: the library may take down one that ends with it loaded. */
async function loads(folder: string): Promise<void> {
  const { exitCode, output } = await run(process.execPath, [
    '-e',
    'require(process.argv[1]); process.reallyExit(0)',
    folder,
  ])
  if (exitCode !== 0) throw new ServerStartError(`openzwave-shared is built and does not load: ${lastLines(output, 5)}`)
}

async function libraryHeaders(): Promise<string | undefined> {
  for (const folder of HEADERS) if (await stat(join(folder, 'Manager.h')).catch(() => undefined)) return folder
}

async function contains(folder: string, text: string): Promise<boolean> {
  for (const file of await readdir(folder)) {
    if (file.endsWith('.h') && (await readFile(join(folder, file), 'utf8')).includes(text)) return true
  }
  return false
}

async function isSame(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((file) => readFile(file).catch(() => undefined)))
  return a !== undefined && b !== undefined && a.equals(b)
}

export interface LockEntry {
  readonly version: string
  readonly integrity: string
}

async function lockEntry(name: string): Promise<LockEntry> {
  const lock = JSON.parse(await readFile(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockEntry>>
  }
  const entry = lock.packages[`node_modules/${name}`]
  if (entry === undefined) throw new ServerStartError(`package-lock.json does not have ${name}`)
  return entry
}
