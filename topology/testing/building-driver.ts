import { SerdeNotReadyError } from '../../common/errors.ts'
import type { Serde } from '../../common/serde.ts'
import { avro, avroString } from '../../schemas/avro-serde.ts'
import type { AvroType } from '../../schemas/avro-type.ts'
import { type BuildingTopic, topics } from '../../schemas/topics.ts'
import type {
  Command,
  CommandResult,
  Device,
  DeviceState,
  Occupancy,
  Reading,
  RoomAverage,
  RoomRules,
  RoomState,
  RuleEvaluation,
} from '../../schemas/types.ts'
import {
  type KeyValueStore,
  type TestInputTopic,
  type TestOutputTopic,
  type Topology,
  TopologyTestDriver,
  type WindowStore,
} from '../../streams/index.ts'
import { buildingTopology } from '../building.ts'
import type { BuildingOptions } from '../settings.ts'
import { stores } from '../store-names.ts'
import { NOON_MS, reading } from './fixtures.ts'
import { MemoryRegistry } from './memory-registry.ts'

type Settings = Omit<BuildingOptions, 'registry'>

/** The building's topology under the test driver, with words for what tests do. Time is one clock: wall clock and readings agree. */
export class BuildingDriver {
  readonly driver: TopologyTestDriver
  readonly #inputs = new Map<string, TestInputTopic<string, unknown>>()
  readonly #outputs: ReadonlyMap<string, TestOutputTopic<string, unknown>>
  #nowMs: number

  private constructor(driver: TopologyTestDriver, nowMs: number, serdes: ReadonlyMap<string, Serde<unknown>>) {
    this.driver = driver
    this.#nowMs = nowMs
    const key = serdes.get('key') as Serde<string>
    const serdeOf = (topic: BuildingTopic<unknown>) => serdes.get(topic.name) as Serde<unknown>
    for (const topic of [topics.readings, topics.commands, topics.commandResults, topics.devices, topics.rules])
      this.#inputs.set(topic.name, driver.createInputTopic(topic.name, { key, value: serdeOf(topic) }))
    this.#outputs = new Map(
      [topics.commands, topics.ruleEvaluations, topics.occupancy, topics.roomAverages].map((topic) => [
        topic.name,
        driver.createOutputTopic(topic.name, { key, value: serdeOf(topic) }),
      ]),
    )
  }

  static async create(settings: Settings = {}, startMs: number = NOON_MS): Promise<BuildingDriver> {
    const options = { registry: new MemoryRegistry() }
    const topology = buildingTopology({ ...settings, ...options })
    const driver = await TopologyTestDriver.create(topology, { initialWallClockMs: startMs })
    const serdes = new Map<string, Serde<unknown>>([['key', avroString({ ...options, role: 'key' }) as Serde<unknown>]])
    for (const topic of Object.values(topics) as BuildingTopic<unknown>[]) {
      const serde = avro(topic.value as AvroType<unknown>, options)
      await serde.prepare?.(topic.name, 'value')
      await serdes.get('key')?.prepare?.(topic.name, 'key')
      serdes.set(topic.name, serde)
    }
    for (const serde of [...serdesOf(topology), ...serdes.values()]) await learnSchema(serde, options.registry)
    return new BuildingDriver(driver, startMs, serdes)
  }

  get nowMs(): number {
    return this.#nowMs
  }

  /** Lets time pass while nothing happens. */
  pass(ms: number): void {
    this.#nowMs += ms
    this.driver.advanceWallClockTime(ms)
  }

  send(topic: BuildingTopic<unknown>, key: string, value: unknown, timestampMs = this.#nowMs): void {
    this.#inputs.get(topic.name)?.pipeInput(key, value, timestampMs)
  }

  reading(kind: Reading['kind'], value: number, changes: Partial<Reading> = {}): void {
    const one = reading({
      kind,
      value,
      deviceId: 's1',
      eventTimeMs: this.#nowMs,
      receivedAtMs: this.#nowMs,
      ...changes,
    })
    this.send(topics.readings, one.deviceId, one, one.eventTimeMs)
  }

  devices(...devices: readonly Device[]): void {
    for (const device of devices) this.send(topics.devices, device.deviceId, device)
  }

  rules(rules: RoomRules | null, roomId = 'r1'): void {
    this.send(topics.rules, roomId, rules)
  }

  /** A command from somebody else than the rules. */
  command(command: Command): void {
    this.send(topics.commands, command.deviceId, command, command.issuedAtMs)
  }

  result(command: Command, status: CommandResult['status']): void {
    const { commandId, deviceId, roomId } = command
    const value = { commandId, deviceId, roomId, status, detail: null, atMs: this.#nowMs }
    this.send(topics.commandResults, deviceId, value)
  }

  /** The device reports where it is. */
  level(kind: Reading['kind'], deviceId: string, value: number, changes: Partial<Reading> = {}): void {
    this.reading(kind, value, { deviceId, ...changes })
  }

  /** The device does as it was told, and says so. */
  obey(commands: readonly Command[]): void {
    for (const command of commands) {
      this.result(command, 'confirmed')
      this.level(command.kind as Reading['kind'], command.deviceId, command.value)
    }
  }

  /** The rules' commands since the last call. */
  commands(): readonly Command[] {
    return this.#read(topics.commands)
  }

  evaluations(): readonly RuleEvaluation[] {
    return this.#read(topics.ruleEvaluations)
  }

  occupancies(): readonly Occupancy[] {
    return this.#read(topics.occupancy)
  }

  averages(): readonly RoomAverage[] {
    return this.#read(topics.roomAverages)
  }

  #read<T>(topic: BuildingTopic<T>): readonly T[] {
    return (this.#outputs.get(topic.name)?.readRecords() ?? []).map((record) => record.value as T)
  }

  occupancy(roomId = 'r1'): Occupancy | undefined {
    return this.#store<Occupancy>(stores.occupancy).get(roomId) as Occupancy | undefined
  }

  roomState(roomId = 'r1'): RoomState | undefined {
    return this.#store<RoomState>(stores.roomStates).get(roomId) as RoomState | undefined
  }

  deviceState(deviceId: string): DeviceState | undefined {
    return this.#store<DeviceState>(stores.deviceStates).get(deviceId) as DeviceState | undefined
  }

  window(roomId: string, startMs: number): RoomAverage | undefined {
    const store: WindowStore<string, RoomAverage> = this.driver.getWindowStore(stores.roomAverages)
    return store.get(roomId, startMs) as RoomAverage | undefined
  }

  /** Puts what the stores of the other driver hold into this one's, as a restore does. */
  restoreFrom(other: BuildingDriver): void {
    for (const name of [stores.roomStates, stores.occupancy, stores.rules, stores.deviceStates, stores.devices]) {
      const entries = other.#store<unknown>(name).entries(undefined, undefined)
      if (entries instanceof Promise) throw new Error('the stores of a test driver are in memory')
      for (const { key, value, timestampMs } of entries) this.#store<unknown>(name).put(key, value, timestampMs)
    }
  }

  #store<V>(name: string): KeyValueStore<string, V> {
    return this.driver.getKeyValueStore(name)
  }

  async close(): Promise<void> {
    await this.driver.close()
  }
}

function serdesOf(topology: Topology): readonly Serde<unknown>[] {
  const nodes = [...topology.nodes.values()].filter((n) => n.kind !== 'processor')
  return [
    ...nodes.flatMap((n) => [n.keySerde, n.valueSerde]),
    ...[...topology.stores.values()].flatMap((s) => [s.keySerde, s.valueSerde]),
  ]
}

/** Has the serde fetch the schema that it writes with, as nothing can be waited for while the driver runs. */
async function learnSchema(serde: Serde<unknown>, registry: MemoryRegistry): Promise<void> {
  for (const id of registry.idsOf(serde.name.replace('avro:', ''))) {
    try {
      serde.deserialize(Buffer.from([0, 0, 0, 0, id]), 'any')
    } catch (error) {
      if (error instanceof SerdeNotReadyError) await error.ready
    }
  }
}
