import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'vitest'
import { createEmbeddedProvider, type EmbeddedProvider } from '../../kafka/embedded.ts'
import { EmbeddedRegistry } from '../../schemas/embedded-registry.ts'
import { endsWithTaskTimeout, survivesRegistryOutage } from './registry-down.ts'

let directory: string
let kafka: EmbeddedProvider
let registry: EmbeddedRegistry

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-registry-'))
  kafka = createEmbeddedProvider({ directory: undefined, cleanerIntervalMs: 0 })
  registry = await EmbeddedRegistry.start({ directory })
})
afterEach(async () => {
  await registry.close()
  await kafka.close()
  await rm(directory, { recursive: true, force: true })
})

describe('a schema registry that goes away during processing', () => {
  it.each(['at_least_once', 'exactly_once'] as const)(
    'holds up only the tasks that need it, and nothing is lost or doubled (%s)',
    { timeout: 60_000 },
    (guarantee) => survivesRegistryOutage(kafka, registry.url, 'outage', guarantee),
  )

  it.each(['a new schema', 'a new topic'] as const)(
    'for longer than taskTimeout ends the client, with nothing committed past the record (%s)',
    { timeout: 60_000 },
    (needs) => endsWithTaskTimeout(kafka, registry.url, 'timeout', needs),
  )
})
