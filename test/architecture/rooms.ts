/** The table of rooms: who may import whom, and why. A folder stands for all that is in it, a file for itself alone. */
export interface Room {
  readonly folder: string
  readonly mayImport: readonly string[]
  readonly why: string
}

/** What every room may know of Kafka: the port and the errors that its providers throw. Never a provider. */
const KAFKA_PORT = ['kafka/port.ts', 'kafka/errors.ts']
const STREAMS_DOOR = 'streams/index.ts'
/** What a user of the engine chooses from. */
const KAFKA_PROVIDERS = ['kafka/port.ts', 'kafka/kafkajs.ts', 'kafka/embedded.ts']

/** The first room whose folder holds a file is its room: inner rooms stand before outer ones. */
export const ROOMS: readonly Room[] = [
  { folder: 'common', mayImport: [], why: 'it is what everything needs' },
  { folder: 'schemas', mayImport: ['common'], why: 'records are described without knowing who reads them' },
  { folder: 'stores', mayImport: ['common'], why: 'a store serves any engine' },
  { folder: 'kafka', mayImport: ['common'], why: 'a provider knows Kafka and nothing that is built on it' },
  {
    folder: 'streams',
    mayImport: ['common', 'stores', ...KAFKA_PORT],
    why: 'the engine runs on any provider behind the port',
  },
  {
    folder: 'connectors',
    mayImport: ['common', 'schemas', ...KAFKA_PORT],
    why: 'a connector is a process of its own: it must run without the engine',
  },
  {
    folder: 'topology',
    mayImport: [STREAMS_DOOR, 'schemas', 'common'],
    why: 'the building uses the engine as any other user does',
  },
  {
    folder: 'http',
    mayImport: [STREAMS_DOOR, 'schemas', 'common'],
    why: 'what is served is asked of the engine through its public door',
  },
  {
    folder: 'examples',
    mayImport: [STREAMS_DOOR, 'schemas', 'common', ...KAFKA_PROVIDERS],
    why: 'an example shows what a user may do',
  },
  { folder: 'bin', mayImport: ['*'], why: 'programs wire everything together' },
  { folder: 'scripts', mayImport: ['*'], why: 'tools are programs too' },
  { folder: 'test', mayImport: ['*'], why: 'what crosses folders is tested here' },
]

/** What `from` must never reach inside the engine and its stores, not even through another file. */
export interface NeverReach {
  readonly from: string
  readonly never: readonly string[]
  readonly why: string
}

const STORE_KINDS = ['stores/key-value', 'stores/window', 'stores/session', 'stores/versioned', 'stores/buffers']

export const NEVER_REACH: readonly NeverReach[] = [
  {
    from: 'streams/processors',
    never: ['streams/runtime', 'streams/dsl', 'streams/testing', STREAMS_DOOR],
    why: 'an operator must not know who runs it',
  },
  {
    from: 'streams/runtime',
    never: ['streams/dsl', 'streams/testing', STREAMS_DOOR],
    why: 'the runtime runs a topology, however it was written',
  },
  {
    from: 'streams/dsl',
    never: ['streams/runtime', 'streams/testing', STREAMS_DOOR],
    why: 'a plan must not depend on what runs it',
  },
  {
    from: 'stores/shared',
    never: ['stores/database', ...STORE_KINDS],
    why: 'what the kinds of stores share knows none of them',
  },
  {
    from: 'stores/database',
    never: STORE_KINDS,
    why: 'a database has the rows of any store',
  },
  {
    from: 'stores/window',
    never: STORE_KINDS.filter((kind) => kind !== 'stores/window'),
    why: 'the others stand on its segments',
  },
]

/** What test code (see `isTestCode`) may import beside what its room may. */
export const TESTS_MAY_IMPORT = ['kafka', 'streams/testing', STREAMS_DOOR, 'schemas', 'test/support', 'scripts/servers']

/** Packages that no program may need. */
export const TEST_TOOLS = ['vitest', 'fast-check', 'playwright-core']

/** The one file that imports fast-check: it sets seed and number of runs for all properties. */
export const PROPERTIES = 'test/support/property.ts'

export const MAX_SOURCE_LINES = 500
export const MAX_TEST_LINES = 600

/** Tests beside the code, the contract suites that they share, and all of `test/`. */
export function isTestCode(path: string): boolean {
  return path.startsWith('test/') || path.endsWith('.test.ts') || /(^|\/)(contract\/|[a-z-]*contract\.ts$)/.test(path)
}
