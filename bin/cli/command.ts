import type { KafkaProvider } from '../../kafka/port.ts'
import type { RegistryClient } from '../../schemas/registry-client.ts'
import type { Topology } from '../../streams/index.ts'
import type { BuildingSettings } from '../settings.ts'
import type { Output } from './output.ts'

/** One option of a command, beside the settings. */
export interface CommandOption {
  readonly type: 'boolean' | 'string'
  /** What stands for the value in the help. */
  readonly value?: string
  readonly doc: string
}

/** A word that the command takes without a flag, in its place. */
export interface CommandOperand {
  readonly name: string
  readonly doc: string
  /** It may be left out; none that is needed follows. */
  readonly optional?: true
}

export type OptionValues = Readonly<Record<string, string | boolean | undefined>>

/** What a command works with; connections are opened at the first need and closed after it. */
export interface CommandContext {
  readonly settings: BuildingSettings
  readonly options: OptionValues
  /** What was given for the command's operands, in their order. */
  readonly operands: readonly string[]
  readonly output: Output
  /** @throws {KafkaUnavailableError | EmbeddedLogInUseError | CliError} */
  kafka(): Promise<KafkaProvider>
  /** @throws {RegistryUnavailableError | CliError} */
  registry(): Promise<RegistryClient>
  /** The topology of `--topology`, or the building's. Its serdes cannot reach a registry. */
  topology(): Promise<Topology>
  /** Directories that hold `<taskId>` folders of this application on this machine. */
  stateDirectories(): Promise<readonly string[]>
}

export interface Command {
  /** One word, or two: `schemas check`. */
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What it does and shows, for its own help. */
  readonly details: string
  readonly options: Readonly<Record<string, CommandOption>>
  /** In their order; a command that names none takes none. */
  readonly operands?: readonly CommandOperand[]
  /** Resolves with the exit code: 0 = fine, 1 = it found what it looks for (a lag beyond a limit, an incompatible schema, …). */
  run(context: CommandContext): Promise<number>
}

export const TOPOLOGY_OPTION: CommandOption = {
  type: 'string',
  value: 'file',
  doc: 'a module whose default export is a Topology, a StreamsBuilder, or a function that makes one (given { registry }); default: the building',
}

export const STATE_DIR_OPTION: CommandOption = {
  type: 'string',
  value: 'directory',
  doc: "the application's stateDir; default: those of the building's processes in the data directory",
}
