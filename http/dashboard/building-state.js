/**
 * @typedef {import('../live/live-events.ts').AvailabilityReport} AvailabilityReport
 * @typedef {import('../live/live-events.ts').ConnectorReport} ConnectorReport
 * @typedef {import('../live/live-events.ts').RoomLabel} RoomLabel
 * @typedef {import('../../schemas/types.ts').Command} Command
 * @typedef {import('../../schemas/types.ts').CommandResult} CommandResult
 * @typedef {import('../../schemas/types.ts').Device} Device
 * @typedef {import('../../schemas/types.ts').Occupancy} Occupancy
 * @typedef {import('../../schemas/types.ts').RoomAverage} RoomAverage
 * @typedef {import('../../schemas/types.ts').RuleEvaluation} RuleEvaluation
 * @typedef {Pick<RoomAverage, 'temperature' | 'humidity' | 'luminance'>} Averages
 * @typedef {{ startMs: number, endMs: number, averages: Averages }} Window
 * @typedef {{ kind: string, value: number, timeMs: number, quality: string }} Value
 * @typedef {{ command: Command, result: CommandResult | undefined }} KnownCommand
 * @typedef {{
 *   deviceId: string,
 *   record: Device | undefined,
 *   values: Map<string, Value>,
 *   commands: Map<string, KnownCommand>,
 *   missing: { lastSeenMs: number | null } | undefined,
 * }} DeviceState
 * @typedef {{
 *   roomId: string,
 *   label: RoomLabel | undefined,
 *   occupancy: Occupancy | undefined,
 *   windows: Map<number, Window>,
 *   devices: Map<string, DeviceState>,
 *   evaluations: Map<string, RuleEvaluation>,
 * }} RoomState
 */

const HISTORY_MS = 3 * 3_600_000

/** What is known of the building. Whoever reads it is told which rooms changed. */
export class BuildingState {
  /** @type {Map<string, RoomState>} */
  rooms = new Map()
  /** @type {Map<string, ConnectorReport>} */
  connectors = new Map()
  /** @type {Map<string, string>} */
  #roomOfDevice = new Map()
  /** Also of devices whose room is not known yet. @type {Map<string, AvailabilityReport>} */
  #missing = new Map()
  /** @type {(roomId: string | undefined) => void} */
  #onChange

  /** @param {(roomId: string | undefined) => void} onChange given the room, or `undefined` when it is none of them */
  constructor(onChange) {
    this.#onChange = onChange
  }

  /** Forgets everything but the histories, which the feed does not bring again. */
  reset() {
    const histories = new Map([...this.rooms].map(([roomId, { windows }]) => [roomId, windows]))
    this.rooms.clear()
    this.connectors.clear()
    this.#roomOfDevice.clear()
    this.#missing.clear()
    this.#history = histories
  }

  /** @type {Map<string, Map<number, Window>>} */
  #history = new Map()

  /**
   * Takes in one event of the feed.
   * @param {import('../live/live-events.ts').LiveType} type
   * @param {string} key
   * @param {any} data
   */
  apply(type, key, data) {
    switch (type) {
      case 'room':
        this.#room(key).label = data ?? undefined
        return this.#onChange(key)
      case 'device':
        return this.#device(key, data)
      case 'device-state':
        for (const value of data?.values ?? [])
          this.#learn(data.roomId, key, value.kind, value.value, value.timeMs, value.quality)
        return
      case 'reading':
        return this.#learn(data.roomId, data.deviceId, data.kind, data.value, data.eventTimeMs, data.quality)
      case 'room-average':
        return this.addWindow(data.roomId, data.windowStartMs, data.windowEndMs, data)
      case 'occupancy':
        this.#room(data.roomId).occupancy = data
        return this.#onChange(data.roomId)
      case 'command':
        this.#command(data)
        return
      case 'command-result':
        this.#result(data)
        return
      case 'evaluation':
        this.#room(data.roomId).evaluations.set(`${data.rule}/${data.deviceId ?? ''}`, data)
        return this.#onChange(data.roomId)
      case 'availability':
        return this.#availability(key, data)
      case 'connector':
        if (data === null) this.connectors.delete(key)
        else this.connectors.set(key, data)
        return this.#onChange(undefined)
    }
  }

  /**
   * @param {string} roomId
   * @param {number} startMs
   * @param {number} endMs
   * @param {Averages} averages
   */
  addWindow(roomId, startMs, endMs, { temperature, humidity, luminance }) {
    const { windows } = this.#room(roomId)
    windows.set(startMs, { startMs, endMs, averages: { temperature, humidity, luminance } })
    for (const start of windows.keys()) if (start < endMs - HISTORY_MS) windows.delete(start)
    this.#onChange(roomId)
  }

  /**
   * @param {string} roomId
   * @returns {RoomState}
   */
  #room(roomId) {
    const known = this.rooms.get(roomId)
    if (known !== undefined) return known
    /** @type {RoomState} */
    const room = {
      roomId,
      label: undefined,
      occupancy: undefined,
      windows: this.#history.get(roomId) ?? new Map(),
      devices: new Map(),
      evaluations: new Map(),
    }
    this.rooms.set(roomId, room)
    return room
  }

  /**
   * @param {string} roomId
   * @param {string} deviceId
   * @returns {DeviceState}
   */
  #deviceIn(roomId, deviceId) {
    const { devices } = this.#room(roomId)
    const known = devices.get(deviceId)
    if (known !== undefined) return known
    /** @type {DeviceState} */
    const device = { deviceId, record: undefined, values: new Map(), commands: new Map(), missing: undefined }
    devices.set(deviceId, device)
    return device
  }

  /**
   * @param {string} deviceId
   * @param {Device | null} record
   */
  #device(deviceId, record) {
    const before = this.#roomOfDevice.get(deviceId)
    if (before !== undefined && before !== record?.roomId) {
      this.rooms.get(before)?.devices.delete(deviceId)
      this.#roomOfDevice.delete(deviceId)
      this.#onChange(before)
    }
    if (record === null) return
    this.#roomOfDevice.set(deviceId, record.roomId)
    Object.assign(this.#deviceIn(record.roomId, deviceId), { record, missing: this.#missing.get(deviceId) })
    this.#onChange(record.roomId)
  }

  /**
   * The newest by event time counts.
   * @param {string} roomId
   * @param {string} deviceId
   * @param {string} kind
   * @param {number} value
   * @param {number} timeMs
   * @param {string} quality
   */
  #learn(roomId, deviceId, kind, value, timeMs, quality) {
    const { values } = this.#deviceIn(roomId, deviceId)
    if ((values.get(kind)?.timeMs ?? Number.NEGATIVE_INFINITY) > timeMs) return
    values.set(kind, { kind, value, timeMs, quality })
    this.#onChange(roomId)
  }

  /**
   * @param {string} deviceId
   * @param {AvailabilityReport | null} report
   */
  #availability(deviceId, report) {
    if (report === null || report.isAvailable) this.#missing.delete(deviceId)
    else this.#missing.set(deviceId, report)
    const roomId = this.#roomOfDevice.get(deviceId)
    if (roomId === undefined) return
    this.#deviceIn(roomId, deviceId).missing = this.#missing.get(deviceId)
    this.#onChange(roomId)
  }

  /** @param {Command} command */
  #command(command) {
    const { commands } = this.#deviceIn(command.roomId, command.deviceId)
    const known = commands.get(command.kind)
    if (known !== undefined && known.command.issuedAtMs > command.issuedAtMs) return
    commands.set(command.kind, { command, result: undefined })
    this.#onChange(command.roomId)
  }

  /** @param {CommandResult} result */
  #result(result) {
    for (const known of this.#deviceIn(result.roomId, result.deviceId).commands.values()) {
      if (known.command.commandId !== result.commandId || (known.result?.atMs ?? 0) > result.atMs) continue
      known.result = result
      this.#onChange(result.roomId)
    }
  }
}
