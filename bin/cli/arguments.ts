import { parseArgs } from 'node:util'
import { flagName, loadSettings } from '../../common/config.ts'
import { BUILDING_SETTINGS, type BuildingSettings } from '../settings.ts'
import type { Command, OptionValues } from './command.ts'
import { UsageError } from './errors.ts'

export interface ParsedCommandLine {
  readonly options: OptionValues
  readonly operands: readonly string[]
  readonly settings: BuildingSettings
}

/** Settings that a command reads: how to reach the log and the registry, where data is, and which application it is about. */
export const CLI_SETTINGS = [
  'applicationId',
  'kafkaBrokers',
  'kafkaSsl',
  'kafkaSslCa',
  'kafkaSaslMechanism',
  'kafkaSaslUsername',
  'kafkaSaslPassword',
  'schemaRegistry',
  'httpHost',
  'httpPort',
  'httpToken',
  'dataDir',
] as const

/** Options of every command. */
export const COMMON_OPTIONS = {
  json: { type: 'boolean', doc: 'one JSON document on standard output in place of tables' },
  help: { type: 'boolean', doc: 'this help' },
} as const

/** Splits the line into the command's options and settings, which also come from the environment and a file. @throws {UsageError | ConfigError} */
export function parseCommandLine(
  command: Command,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ParsedCommandLine {
  const own = { ...command.options, ...COMMON_OPTIONS }
  const flags = settingFlags()
  const known: Record<string, { type: 'boolean' | 'string' }> = {}
  for (const [name, { type }] of Object.entries(own)) known[name] = { type }
  for (const flag of flags) known[flag] = { type: 'string' }
  const { values, positionals } = parsed(command, args, known)
  const settingArgs = [...flags].flatMap((flag) =>
    values[flag] === undefined ? [] : [`--${flag}`, String(values[flag])],
  )
  const { settings } = loadSettings(BUILDING_SETTINGS, { args: settingArgs, env, check: saslProblems })
  const options = Object.fromEntries(
    Object.keys(own).map((name) => [name, values[name] as string | boolean | undefined]),
  )
  return { options, operands: checkedOperands(command, positionals), settings }
}

function parsed(command: Command, args: readonly string[], options: Record<string, { type: 'boolean' | 'string' }>) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: command.operands !== undefined })
  } catch (error) {
    const message = (error as Error).message.split('. To specify')[0]
    throw new UsageError(`${message}\nbrook ${command.name} --help lists what there is`)
  }
}

function checkedOperands({ name, operands = [] }: Command, given: readonly string[]): readonly string[] {
  const missing = operands.slice(given.length).find(({ optional }) => optional !== true)
  const surplus = given[operands.length]
  if (missing === undefined && surplus === undefined) return given
  const problem =
    missing === undefined ? `${JSON.stringify(surplus)} is one word too many` : `<${missing.name}> is missing`
  throw new UsageError(`${problem}\nbrook ${name} --help lists what there is`)
}

function settingFlags(): ReadonlySet<string> {
  const flags = new Set(['config'])
  for (const name of CLI_SETTINGS) {
    const { fromFile, secret } = BUILDING_SETTINGS[name]
    if (!secret) flags.add(flagName(name))
    if (fromFile) flags.add(`${flagName(name)}-file`)
  }
  return flags
}

function saslProblems({ kafkaSaslMechanism, kafkaSaslUsername, kafkaSaslPassword }: BuildingSettings): string[] {
  if (kafkaSaslMechanism === undefined || (kafkaSaslUsername !== undefined && kafkaSaslPassword !== undefined))
    return []
  return ['BROOK_KAFKA_SASL_MECHANISM needs BROOK_KAFKA_SASL_USERNAME and BROOK_KAFKA_SASL_PASSWORD']
}
