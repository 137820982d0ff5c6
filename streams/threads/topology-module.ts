import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { asError } from '../../common/errors.ts'
import { TopologyModuleError } from '../errors.ts'
import type { StreamsOptions } from '../runtime/client/streams-config.ts'
import { Topology } from '../topology.ts'

type FunctionNames<T> = {
  [N in keyof T]-?: NonNullable<T[N]> extends (...args: never[]) => unknown ? N : never
}[keyof T]

/** The settings that are functions, or made of them: they cannot be sent to a thread, so a topology module gives them. */
export type StreamsHandlers = Partial<Pick<StreamsOptions, FunctionNames<StreamsOptions> | 'tracing'>>

/** What the export of a topology module may give beside the topology. */
export interface TopologyWithHandlers {
  readonly topology: Topology
  /** Handlers for the threads; each thread has its own. */
  readonly handlers?: StreamsHandlers
}

/** The export of a topology module. Each thread calls it once, with a copy of the settings. */
export type TopologyFactory<S = undefined> = (
  settings: S,
) => Topology | TopologyWithHandlers | Promise<Topology | TopologyWithHandlers>

export interface LoadTopologyOptions {
  /** Name of the export, a {@link TopologyFactory} (default `default`). */
  readonly export?: string
  /** What it is called with. Sent to the threads by structured cloning: no functions, no classes. */
  readonly settings?: unknown
}

/** Where a topology came from, as it is told to the threads. */
export interface TopologyModule {
  readonly href: string
  readonly exportName: string
  readonly settings: unknown
}

const MODULES = new WeakMap<Topology, { readonly module: TopologyModule; readonly handlers: StreamsHandlers }>()

/**
 * Imports a module and has its export make the topology. A topology that was loaded so can run in several threads
 * (`numStreamThreads`): each imports the module for itself. `module` is a URL, such as `new URL('./topology.ts', import.meta.url)`, or a path.
 * @throws {TopologyModuleError} when it cannot be imported, or gives no topology.
 */
export async function loadTopology(module: URL | string, options: LoadTopologyOptions = {}): Promise<Topology> {
  const href =
    module instanceof URL || /^(file|data):/.test(module) ? String(module) : pathToFileURL(resolve(module)).href
  const source: TopologyModule = {
    href,
    exportName: options.export ?? 'default',
    settings: cloned(href, options.settings),
  }
  const { topology, handlers = {} } = await runTopologyModule(source)
  MODULES.set(topology, { module: source, handlers })
  return topology
}

/** Where a topology came from; `undefined` when it was not loaded. */
export function moduleOf(topology: Topology): TopologyModule | undefined {
  return MODULES.get(topology)?.module
}

/** The handlers that the module of a topology gave. */
export function handlersOf(topology: Topology): StreamsHandlers {
  return MODULES.get(topology)?.handlers ?? {}
}

export async function runTopologyModule({ href, exportName, settings }: TopologyModule): Promise<TopologyWithHandlers> {
  const refuse = (why: string, cause?: unknown): never => {
    throw new TopologyModuleError(`the topology module ${href} ${why}`, cause === undefined ? undefined : { cause })
  }
  let exports: Readonly<Record<string, unknown>> = {}
  try {
    exports = (await import(href)) as typeof exports
  } catch (error) {
    refuse(`cannot be imported: ${asError(error).message}`, error)
  }
  const factory = exports[exportName]
  if (typeof factory !== 'function') {
    const known = Object.keys(exports)
    return refuse(`exports no function ${exportName}; it has ${known.length > 0 ? known.join(', ') : 'no exports'}`)
  }
  let made: unknown
  try {
    made = await (factory as TopologyFactory<unknown>)(settings)
  } catch (error) {
    refuse(`failed to make the topology: ${asError(error).message}`, error)
  }
  const answer = made instanceof Topology ? { topology: made } : (made as Partial<TopologyWithHandlers> | undefined)
  if (!(answer?.topology instanceof Topology))
    return refuse(
      `gave no topology: ${exportName} must give what StreamsBuilder.build() gives, or { topology, handlers }`,
    )
  return answer as TopologyWithHandlers
}

function cloned(href: string, settings: unknown): unknown {
  try {
    return structuredClone(settings)
  } catch (cause) {
    throw new TopologyModuleError(
      `the settings for the topology module ${href} cannot be sent to a thread: ${asError(cause).message}. Send plain data, and make the rest in the module`,
      { cause },
    )
  }
}
