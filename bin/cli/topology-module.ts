import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { asError } from '../../common/errors.ts'
import type { SchemaRegistry } from '../../schemas/avro-serde.ts'
import { StreamsBuilder, Topology } from '../../streams/index.ts'
import { buildingTopology } from '../../topology/building.ts'
import { CliError } from './errors.ts'

/** For serdes of a topology that is looked at and never run. */
const noRegistry: SchemaRegistry = {
  lookup: () => Promise.reject(new CliError('a topology that is only looked at reaches no schema registry')),
  register: () => Promise.reject(new CliError('a topology that is only looked at registers no schema')),
  schemaById: () => Promise.reject(new CliError('a topology that is only looked at reaches no schema registry')),
}

/** The topology of a module, or the building's where none is named. @throws {CliError} naming the module and what it should have. */
export async function loadTopology(path: string | undefined): Promise<Topology> {
  if (path === undefined) return buildingTopology({ registry: noRegistry })
  let exported: unknown
  try {
    exported = ((await import(pathToFileURL(resolve(path)).href)) as { readonly default?: unknown }).default
  } catch (error) {
    throw new CliError(`the module ${path} cannot be loaded: ${asError(error).message}`, { cause: error })
  }
  const made: unknown =
    typeof exported === 'function'
      ? await (exported as (context: object) => unknown)({ registry: noRegistry })
      : exported
  const topology = made instanceof StreamsBuilder ? made.build() : made
  if (topology instanceof Topology) return topology
  throw new CliError(
    `the default export of ${path} must be a Topology, a StreamsBuilder, or a function that makes one; it is ${made === undefined ? 'missing' : typeof made}`,
  )
}
