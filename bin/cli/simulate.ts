import { createInterface } from 'node:readline'
import { faultList } from '../simulate/console.ts'
import { askControl } from '../simulate/control-client.ts'
import type { ActiveFault } from '../simulate/fault-board.ts'
import { FAULT_KINDS } from '../simulate/fault-kinds.ts'
import { parseTime } from '../simulate/fault-spec.ts'
import { runSimulation } from '../simulate/run-simulation.ts'
import { DEFAULT_CONTROL_PORT, simulateOptions } from '../simulate/simulate-options.ts'
import { faultText, type SimulationStatus, statusLine } from '../simulate/status.ts'
import type { Command, CommandOption } from './command.ts'

const CONTROL_OPTION: CommandOption = {
  type: 'string',
  value: 'url',
  doc: `the control of the running simulation (default http://127.0.0.1:${DEFAULT_CONTROL_PORT})`,
}

export const simulateCommand: Command = {
  name: 'simulate',
  summary: 'runs a simulated house of any size behind MQTT, KNX and Z-Wave, with faults on request',
  details: `The house is at the far end of its wires: an MQTT broker with sensors that publish to it, a KNXnet/IP tunnelling gateway on UDP with a
line of actuators, and a Z-Wave stick with its network. People walk about, the sun rises, rooms warm and cool. The same --seed and --start give
the same house and the same day. It prints where to connect and the settings with which the building runs on it, and ends on Ctrl-C or "quit".
Without --start the clock of the house is that of this machine. The broker listens where BROOK_MQTT_HOST and BROOK_MQTT_PORT say, and asks for
BROOK_MQTT_USERNAME and BROOK_MQTT_PASSWORD when they are set; a broker of yours is logged in to with them.

--fault plans faults: name[:device][@after][+for], with commas between, such as knx-silent@30s+20s,sensor-stuck:sensor-101.
While it runs, faults are begun and ended by typing, or from elsewhere: brook simulate faults, fault, end, status.`,
  options: {
    rooms: { type: 'string', value: 'n', doc: 'how many rooms, up to 3000 (default 12)' },
    floors: {
      type: 'string',
      value: 'n',
      doc: 'over how many floors they are spread (default: four rooms to a floor)',
    },
    seed: { type: 'string', value: 'n', doc: 'what rooms and people are made from (default 1)' },
    people: { type: 'string', value: 'n', doc: 'how many people walk about (default: one for every two rooms)' },
    speed: {
      type: 'string',
      value: 'n',
      doc: 'how fast time passes in the house, such as 10x (default 1x, at most 1000x)',
    },
    start: {
      type: 'string',
      value: 'time',
      doc: 'what the clock of the house begins at, such as 2026-01-15T08:00 (default: now)',
    },
    mqtt: {
      type: 'string',
      value: 'where',
      doc: 'own (a broker in this process, the default), the URL of a broker, or off',
    },
    knx: {
      type: 'string',
      value: 'where',
      doc: 'host:port that the gateway listens on (default 127.0.0.1:3671), or off',
    },
    zwave: {
      type: 'string',
      value: 'where',
      doc: 'tcp, tcp:port (default 4901), pty or pty:path (a serial device; needs socat), or off',
    },
    'zwave-nodes': {
      type: 'string',
      value: 'n',
      doc: 'most devices on Z-Wave, up to 231 (the default); the others are on MQTT and KNX',
    },
    fault: { type: 'string', value: 'plan', doc: 'faults that begin by themselves' },
    control: {
      type: 'string',
      value: 'port',
      doc: `port of the control on 127.0.0.1 (default ${DEFAULT_CONTROL_PORT}), or off`,
    },
    status: {
      type: 'string',
      value: 'time',
      doc: 'how often to say how it fares, such as 30s (default 1m); 0s: never',
    },
    directory: {
      type: 'string',
      value: 'path',
      doc: 'where house.json and the state of the broker go (default: simulate in the data directory)',
    },
  },
  async run({ options, settings, output }) {
    const parsed = simulateOptions(options, settings, Date.now())
    const stop = new AbortController()
    const onSignal = (): void => {
      if (stop.signal.aborted) process.exit(130)
      stop.abort()
    }
    for (const name of ['SIGINT', 'SIGTERM'] as const) process.on(name, onSignal)
    try {
      await runSimulation(parsed, { settings, output, signal: stop.signal, listen: listenToTyping })
    } finally {
      for (const name of ['SIGINT', 'SIGTERM'] as const) process.off(name, onSignal)
    }
    return 0
  },
}

export const simulateFaultsCommand: Command = {
  name: 'simulate faults',
  summary: 'what can go wrong in a simulated house',
  details:
    'Lists the faults that brook simulate can bring about. Those marked [device] befall one device, the others a whole wire.',
  options: {},
  run({ output }) {
    output.json(
      FAULT_KINDS.map(({ name, wire, summary, befalls }) => ({ name, wire, summary, befallsDevices: !!befalls })),
    )
    output.line(faultList(FAULT_KINDS))
    return Promise.resolve(0)
  },
}

export const simulateFaultCommand: Command = {
  name: 'simulate fault',
  summary: 'lets something go wrong in a simulated house that runs',
  details: 'The fault lasts for the time given, or until brook simulate end.',
  operands: [
    { name: 'name', doc: 'one of brook simulate faults' },
    { name: 'device', doc: 'which device it befalls (default: the first that it can)', optional: true },
  ],
  options: {
    for: { type: 'string', value: 'time', doc: 'how long it lasts, such as 30s' },
    control: CONTROL_OPTION,
  },
  async run({ operands: [name, deviceId], options, output }) {
    const durationMs = typeof options['for'] === 'string' ? parseTime(options['for']) : undefined
    const fault = await askControl<ActiveFault>(options['control'], 'POST', '/v1/faults', {
      name,
      deviceId,
      durationMs,
    })
    output.json(fault)
    output.line(`${faultText(fault, Date.now())} begins`)
    return 0
  },
}

export const simulateEndCommand: Command = {
  name: 'simulate end',
  summary: 'ends a fault in a simulated house that runs',
  details: 'Of one device when one is named, else wherever it goes on.',
  operands: [
    { name: 'name', doc: 'the fault' },
    { name: 'device', doc: 'the device', optional: true },
  ],
  options: { control: CONTROL_OPTION },
  async run({ operands: [name = '', deviceId], options, output }) {
    const query = deviceId === undefined ? '' : `?device=${encodeURIComponent(deviceId)}`
    const path = `/v1/faults/${encodeURIComponent(name)}${query}`
    const { ended } = await askControl<{ ended: readonly ActiveFault[] }>(options['control'], 'DELETE', path)
    output.json(ended)
    for (const fault of ended) output.line(`${faultText({ ...fault, untilMs: null }, 0)} ends`)
    return 0
  },
}

export const simulateStatusCommand: Command = {
  name: 'simulate status',
  summary: 'how a simulated house that runs fares',
  details:
    'The time in the house, the weather, who is where, who is connected to its wires, and the faults that go on.',
  options: { control: CONTROL_OPTION },
  async run({ options, output }) {
    const status = await askControl<SimulationStatus>(options['control'], 'GET', '/v1/simulation')
    output.json(status)
    output.line(statusLine(status))
    return 0
  },
}

function listenToTyping(take: (line: string) => void): () => void {
  const lines = createInterface({ input: process.stdin })
  lines.on('line', take)
  return () => {
    lines.close()
    // A terminal or pipe would hold the process; a file, such as /dev/null, has nothing to let go.
    const { stdin } = process
    if ('unref' in stdin && typeof stdin.unref === 'function') stdin.unref()
  }
}
