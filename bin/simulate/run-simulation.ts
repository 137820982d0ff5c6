import { type Logger, silentLogger } from '../../common/log.ts'
import type { Output } from '../cli/output.ts'
import type { BuildingSettings } from '../settings.ts'
import { consoleHelp, typed } from './console.ts'
import { ControlServer } from './control-server.ts'
import type { PlannedFault } from './fault-spec.ts'
import type { SimulateOptions } from './simulate-options.ts'
import { type SimulatedBuilding, startSimulatedBuilding } from './simulated-building.ts'
import { faultText, statusLine, statusOf } from './status.ts'

export interface SimulationRun {
  readonly settings: BuildingSettings
  readonly output: Output
  /** Aborts when it is to end. */
  readonly signal: AbortSignal
  /** Has every line that somebody types handed to `take`; returns how to stop that. */
  readonly listen: (take: (line: string) => void) => () => void
}

/** Runs a simulated house until it is told to end. @throws what cannot be started; everything that was is stopped then. */
export async function runSimulation(options: SimulateOptions, run: SimulationRun): Promise<void> {
  const { output, settings, signal } = run
  const building = await startSimulatedBuilding(options, {
    settings,
    log: noteLogger(output),
    onFault: (what, fault) =>
      output.note(`${faultText(what === 'begins' ? fault : { ...fault, untilMs: null }, Date.now())} ${what}`),
  })
  const timers: NodeJS.Timeout[] = []
  let control: ControlServer | undefined
  let stopListening = (): void => {}
  try {
    for (const planned of options.plan) building.faults.check(planned)
    let controlUrl: string | undefined
    if (options.controlPort !== undefined) {
      control = new ControlServer(building)
      controlUrl = await control.start(options.controlPort)
    }
    announce(options, building, controlUrl, output)
    const ended = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
      stopListening = run.listen((line) => {
        void typed(building, line).then((answer) => {
          if (answer === undefined) resolve()
          else if (answer !== '') output.line(answer)
        })
      })
    })
    for (const planned of options.plan)
      timers.push(setTimeout(() => void bring(building, planned, output), planned.afterMs))
    if (options.statusMs > 0)
      timers.push(setInterval(() => output.line(statusLine(statusOf(building))), options.statusMs))
    await ended
  } finally {
    stopListening()
    for (const timer of timers) clearTimeout(timer)
    await control?.stop()
    await building.stop()
  }
}

async function bring(
  building: SimulatedBuilding,
  { afterMs: _, ...request }: PlannedFault,
  output: Output,
): Promise<void> {
  await building.faults.begin(request).catch((error: Error) => output.note(error.message))
}

function announce(
  { seed, mqtt, zwave }: SimulateOptions,
  { house, devices, env, simulation: { wires } }: SimulatedBuilding,
  controlUrl: string | undefined,
  output: Output,
): void {
  const rooms = house.floors.reduce((sum, floor) => sum + floor.rooms.length, 0)
  const on = (bus: string): string => `${devices.filter((device) => device.bus === bus).length} devices`
  output.json({ rooms, floors: house.floors.length, devices: devices.length, seed, env, control: controlUrl ?? null })
  const rows: readonly (readonly [string, string | undefined])[] = [
    [
      'MQTT',
      env['BROOK_MQTT_URL'] &&
        `${env['BROOK_MQTT_URL']} (${mqtt === 'own' ? 'broker in this process' : 'a broker of yours'}; ${on('mqtt')})`,
    ],
    ['KNX', env['BROOK_KNX_GATEWAY'] && `${env['BROOK_KNX_GATEWAY']} (KNXnet/IP tunnelling, UDP; ${on('knx')})`],
    [
      'Z-Wave',
      env['BROOK_ZWAVE_PORT'] &&
        `${env['BROOK_ZWAVE_PORT']} (${zwave?.ptyPath ? `serial device before tcp port ${wires.zwave?.port}` : 'Serial API over TCP'}; ${on('zwave')})`,
    ],
    ['Control', controlUrl && `${controlUrl} (brook simulate fault, end, status)`],
  ]
  output.line(
    `A house of ${rooms} rooms on ${house.floors.length} floors with ${devices.length} devices is simulated, seed ${seed}.`,
  )
  for (const [name, text] of rows) if (text) output.line(`  ${name.padEnd(8)} ${text}`)
  output.line()
  output.line('Run the building on it:')
  output.line(
    `  ${Object.entries(env)
      .map(([name, value]) => `${name}=${quoted(value)}`)
      .join(' ')} npm start`,
  )
  output.line()
  output.line('Type while it runs:')
  output.line(consoleHelp())
  output.line()
}

/** As a shell reads it back. */
function quoted(value: string): string {
  return /^[\w./:@+-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`
}

/** Warnings and worse, as notes. */
function noteLogger(output: Output): Logger {
  const say = (fields: object, message: string): void => {
    const { err } = fields as { err?: unknown }
    output.note(err instanceof Error ? `${message}: ${err.message}` : message)
  }
  const logger: Logger = { ...silentLogger, warn: say, error: say, fatal: say, child: () => logger }
  return logger
}
