import { helpText } from '../common/config-print.ts'
import { BrookError } from '../common/errors.ts'
import { createLogger, type Logger } from '../common/log.ts'
import { BUILDING_SETTINGS, type BuildingSettings, loadBuildingSettings } from './settings.ts'

export interface Started {
  readonly settings: BuildingSettings
  readonly log: Logger
  /** Whether a setting was given, rather than left at its default. */
  isGiven(name: keyof BuildingSettings): boolean
}

/**
 * Reads the settings and makes the log; prints the help, or all problems at once, and ends the process where that is due.
 * `furtherProblems`: what this program alone asks of the settings.
 */
export function startProgram(
  usage: string,
  args: readonly string[],
  furtherProblems?: (settings: BuildingSettings) => readonly string[],
): Started {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(`${usage}\n\n${helpText(BUILDING_SETTINGS)}\n`)
    process.exit(0)
  }
  try {
    const { settings, sources, warnings } = loadBuildingSettings(args, process.env, undefined, furtherProblems)
    const log = createLogger({ level: settings.logLevel, pretty: process.stdout.isTTY === true })
    for (const warning of warnings) log.warn({}, warning)
    return { settings, log, isGiven: (name) => sources[name] !== 'default' }
  } catch (error) {
    if (!(error instanceof BrookError)) throw error
    process.stderr.write(`${error.message}\n`)
    process.exit(2)
  }
}
