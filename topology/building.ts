import { type AvroOptions, avro, avroString } from '../schemas/avro-serde.ts'
import { topics } from '../schemas/topics.ts'
import {
  Command,
  CommandResult,
  Device,
  DeviceState,
  Occupancy,
  Reading,
  RoomAverage,
  RoomEvent,
  RoomRules,
  RoomState,
  RuleEvaluation,
} from '../schemas/types.ts'
import {
  type KStream,
  Stores,
  StreamsBuilder,
  serdes,
  TimeWindows,
  type Topology,
  type Windowed,
} from '../streams/index.ts'
import { addReading, emptyAverage, isAveraged } from './averages/room-average.ts'
import { DeviceDesk, type DeviceInput } from './devices/device-desk.ts'
import { identityOf } from './devices/reading-identity.ts'
import { RoomController, type RoomOutput } from './rooms/room-controller.ts'
import { type BuildingOptions, roomSettings } from './settings.ts'
import { stores } from './store-names.ts'

/**
 * The building's application. Two sub-topologies:
 *
 * 1. by device: readings, commands, command results, devices and rules; drops readings that came before, keeps `device-states` and
 *    `devices`, and hands what happened on to the rooms through one repartition topic, `room-events`, in the order in which it came;
 * 2. by room: averages (`room-averages`) and the rules (`room-states`, `occupancy`, `rules`), whose commands go straight out.
 *
 * A room has one input, so nothing in it has to be co-partitioned, and two rooms never wait for each other. Keys inside are
 * plain strings. Every update is forwarded at once.
 * @throws {InvalidArgumentError} for a setting that is none.
 */
export function buildingTopology(options: BuildingOptions): Topology {
  const settings = roomSettings(options)
  const builder = new StreamsBuilder()
  const events = roomEvents(builder, options)
  addAverages(events, options)
  const { room } = storeSerdes(options)
  builder
    .addStateStore(Stores.keyValueStore(stores.roomStates, { ...room, value: avro(RoomState, options) }))
    .addStateStore(Stores.keyValueStore(stores.occupancy, { ...room, value: avro(Occupancy, options) }))
    .addStateStore(Stores.keyValueStore(stores.rules, { ...room, value: avro(RoomRules, options) }))
  const outputs = events.process<string, RoomOutput>(() => new RoomController(settings), {
    name: 'room-controller',
    stores: [stores.roomStates, stores.occupancy, stores.rules],
  })
  addOutputs(outputs, options)
  const topology = builder.build()
  topology.copartitionSources(['readings', 'commands', 'command-results', 'devices'])
  return topology
}

/** Everything that happens, under its room. */
function roomEvents(builder: StreamsBuilder, options: BuildingOptions): KStream<string, RoomEvent> {
  const key = avroString({ ...options, role: 'key' })
  const { device } = storeSerdes(options)
  builder
    .addStateStore(Stores.keyValueStore(stores.deviceStates, { ...device, value: avro(DeviceState, options) }))
    .addStateStore(Stores.keyValueStore(stores.devices, { ...device, value: avro(Device, options) }))
  const readings = builder
    .stream(topics.readings.name, { name: 'readings', key, value: avro(Reading, options) })
    .deduplicate({
      name: 'first-readings',
      store: stores.readReadings,
      within: options.repeatedWithin ?? '30m',
      by: identityOf,
      id: serdes.string,
    })
    .mapValues((reading): DeviceInput => ({ type: 'reading', reading }))
  const commands = builder
    .stream(topics.commands.name, { name: 'commands', key, value: avro(Command, options) })
    .mapValues((command): DeviceInput => ({ type: 'command', command }))
  const results = builder
    .stream(topics.commandResults.name, { name: 'command-results', key, value: avro(CommandResult, options) })
    .mapValues((result): DeviceInput => ({ type: 'result', result }))
  const devices = builder
    .stream(topics.devices.name, { name: 'devices', key, value: avro(Device, options) })
    .mapValues((value): DeviceInput => ({ type: 'device', device: value }))
  const rules = builder
    .stream(topics.rules.name, { name: 'rules', key, value: avro(RoomRules, options) })
    .mapValues((value): DeviceInput => ({ type: 'rules', rules: value }))
  return readings
    .merge(commands)
    .merge(results)
    .merge(devices)
    .merge(rules)
    .process<string, RoomEvent>(() => new DeviceDesk(), {
      name: 'device-desk',
      stores: [stores.deviceStates, stores.devices],
    })
    .repartition({ name: 'room-events', key: serdes.string, value: avro(RoomEvent, options) })
}

function addAverages(events: KStream<string, RoomEvent>, options: BuildingOptions): void {
  const windows = TimeWindows.ofSizeAndGrace(options.averageWindow ?? '5m', options.averageGrace ?? '1m')
  events
    .filter(({ reading }) => reading !== null && isAveraged(reading), { name: 'averaged-readings' })
    .groupByKey({ key: serdes.string, value: avro(RoomEvent, options) })
    .windowedBy(windows)
    .aggregate(emptyAverage, (average, event, roomId) => addReading(average, event, roomId, windows.sizeMs), {
      name: 'room-average',
      store: stores.roomAverages,
      key: serdes.string,
      value: avro(RoomAverage, options),
      retention: options.averageRetention ?? '4h',
      caching: false,
    })
    .toStream((_average: RoomAverage, window: Windowed<string>) => window.key)
    .to(topics.roomAverages.name, {
      name: 'averages-sink',
      key: avroString({ ...options, role: 'key' }),
      value: avro(RoomAverage, options),
    })
}

function addOutputs(outputs: KStream<string, RoomOutput>, options: AvroOptions): void {
  const key = avroString({ ...options, role: 'key' })
  outputs
    .filter((output) => output.type === 'command', { name: 'command-outputs' })
    .map(({ command }) => [command.deviceId, command])
    .to(topics.commands.name, { name: 'commands-sink', key, value: avro(Command, options) })
  outputs
    .filter((output) => output.type === 'evaluation', { name: 'evaluation-outputs' })
    .mapValues(({ evaluation }) => evaluation)
    .to(topics.ruleEvaluations.name, { name: 'evaluations-sink', key, value: avro(RuleEvaluation, options) })
  outputs
    .filter((output) => output.type === 'occupancy', { name: 'occupancy-outputs' })
    .mapValues(({ occupancy }) => occupancy)
    .to(topics.occupancy.name, { name: 'occupancy-sink', key, value: avro(Occupancy, options) })
}

/** Rooms are found by their plain name; devices by the bytes of the keys of the topics, as these decide the partition. */
function storeSerdes(options: AvroOptions) {
  return { room: { key: serdes.string }, device: { key: avroString({ ...options, role: 'key' }) } }
}
