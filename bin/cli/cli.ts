import { asError, BrookError } from '../../common/errors.ts'
import { parseCommandLine } from './arguments.ts'
import type { Command } from './command.ts'
import { createContext } from './context.ts'
import { describeCommand } from './describe.ts'
import { UsageError } from './errors.ts'
import { commandHelp, overview } from './help.ts'
import { knxCheckCommand } from './knx-check.ts'
import { knxMonitorCommand } from './knx-monitor.ts'
import { lagCommand } from './lag.ts'
import { mqttTestCommand } from './mqtt-test.ts'
import { createOutput, type Streams } from './output.ts'
import { planCommand } from './plan.ts'
import { resetCommand } from './reset.ts'
import { schemasCheckCommand } from './schemas-check.ts'
import {
  simulateCommand,
  simulateEndCommand,
  simulateFaultCommand,
  simulateFaultsCommand,
  simulateStatusCommand,
} from './simulate.ts'
import { storesCommand } from './stores.ts'
import { tasksCommand } from './tasks.ts'
import {
  zwaveExcludeCommand,
  zwaveIncludeCommand,
  zwaveNameCommand,
  zwaveNodesCommand,
  zwaveStopCommand,
} from './zwave.ts'

export const COMMANDS: readonly Command[] = [
  describeCommand,
  planCommand,
  lagCommand,
  tasksCommand,
  storesCommand,
  schemasCheckCommand,
  resetCommand,
  mqttTestCommand,
  knxCheckCommand,
  knxMonitorCommand,
  simulateFaultsCommand,
  simulateFaultCommand,
  simulateEndCommand,
  simulateStatusCommand,
  simulateCommand,
  zwaveNodesCommand,
  zwaveIncludeCommand,
  zwaveExcludeCommand,
  zwaveStopCommand,
  zwaveNameCommand,
]

/** Runs one command line; resolves with the exit code. Everything is said through `streams`. */
export async function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  streams: Streams,
): Promise<number> {
  const command = COMMANDS.find(({ name }) => name.split(' ').every((word, i) => args[i] === word))
  if (command === undefined) return withoutCommand(args, streams)
  const rest = args.slice(command.name.split(' ').length)
  if (rest.includes('--help') || rest.includes('-h')) {
    streams.out(`${commandHelp(command)}\n`)
    return 0
  }
  try {
    const line = parseCommandLine(command, rest, env)
    const { context, close } = createContext(line, createOutput(streams, line.options['json'] === true))
    try {
      return await command.run(context)
    } finally {
      await close()
    }
  } catch (error) {
    return explain(asError(error), streams)
  }
}

function withoutCommand(args: readonly string[], { out, err }: Streams): number {
  const [first, second] = args
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `))
  if (group.length > 0 && (second === undefined || second === '--help' || second === '-h')) {
    out(`${overview(group)}\n`)
    return second === undefined ? 2 : 0
  }
  if (first === undefined || first === 'help' || first === '--help' || first === '-h') {
    out(`${overview(COMMANDS)}\n`)
    return first === undefined ? 2 : 0
  }
  const asked = JSON.stringify(group.length > 0 ? `${first} ${second}` : first)
  const known = group.length > 0 ? group : COMMANDS
  err(`there is no command ${asked}; there is ${known.map(({ name }) => name).join(', ')}\n`)
  return 2
}

/** People get a sentence; the stack is for faults of ours. */
function explain(error: Error, { err }: Streams): number {
  const isExpected = error instanceof BrookError && error.domain !== 'internal'
  err(`brook: ${isExpected ? error.message : error.stack}\n`)
  return error instanceof UsageError || (error instanceof BrookError && error.code === 'CONFIG_INVALID') ? 2 : 1
}
