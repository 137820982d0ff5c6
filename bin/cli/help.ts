import { describe } from '../../common/config-print.ts'
import { BUILDING_SETTINGS } from '../settings.ts'
import { CLI_SETTINGS, COMMON_OPTIONS } from './arguments.ts'
import type { Command, CommandOption } from './command.ts'

export function overview(commands: readonly Command[]): string {
  return `Looks after stream applications: what they are, where they stand, and what a new version would do.

Usage: brook <command> [options]

${pairs(commands.map(({ name, summary }) => [name, summary]))}

brook <command> --help tells its options. Which Kafka, registry and application it is about comes from the
settings of the building (environment, --config file, or flags such as --kafka-brokers and --application-id).

Exit codes: 0 fine, 1 it failed or found what it looks for (an incompatible schema, a rebuild, …), 2 wrong usage.`
}

export function commandHelp({ name, summary, details, options, operands = [] }: Command): string {
  const own: readonly (readonly [string, CommandOption])[] = Object.entries({ ...options, ...COMMON_OPTIONS })
  const settings = describe(BUILDING_SETTINGS).filter((row) => CLI_SETTINGS.some((known) => known === row.name))
  const words = operands.map(({ name: word, optional }) => (optional === true ? ` [<${word}>]` : ` <${word}>`))
  return `${summary}

Usage: brook ${name}${words.join('')} [options]

${details}
${operands.length === 0 ? '' : `\n${pairs(operands.map((one) => [`<${one.name}>`, one.doc]))}\n`}
Options:
${pairs(own.map(([option, { value, doc }]) => [`--${option}${value === undefined ? '' : ` <${value}>`}`, doc]))}

Settings:
${pairs(settings.map(({ flag, env, doc }) => [flag, `${doc} [${env}]`]))}`
}

function pairs(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join('\n')
}
