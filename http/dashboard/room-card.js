import { CONTROLLED, DeviceRow } from './device-row.js'
import { h, setAttribute, setChildren, setText } from './dom.js'
import { Evaluations } from './evaluations.js'
import { age, clockTime } from './format.js'
import { t } from './i18n.js'
import { icon } from './icons.js'
import { MEASURES, MeasureTile } from './measure-tile.js'

/**
 * @typedef {import('./building-state.js').RoomState} RoomState
 * @typedef {import('./device-row.js').RowOptions} RowOptions
 */

/** What people call the room; its id made readable where nobody said. */
export function roomName(/** @type {RoomState} */ { roomId, label }) {
  if (label !== undefined) return label.name
  const words = roomId.replace(/[-_]+/g, ' ').trim()
  return words === '' ? roomId : words.charAt(0).toUpperCase() + words.slice(1)
}

/** One room. */
export class RoomCard {
  #options
  #name = h('h3', { class: 'room-name' })
  #presence = h('span', { class: 'presence' })
  #since = h('span', { class: 'presence-since' })
  #tiles = MEASURES.map((measure) => new MeasureTile(measure))
  #missing = h('ul', { class: 'devices missing', hidden: true })
  #devices = h('ul', { class: 'devices' })
  /** @type {Map<string, DeviceRow>} */
  #rows = new Map()
  #evaluations = new Evaluations()
  #presenceShown = ''
  element

  /**
   * @param {string} roomId
   * @param {RowOptions} options
   */
  constructor(roomId, options) {
    this.#options = options
    const nameId = `room-${roomId}`
    this.#name.id = nameId
    this.element = h(
      'article',
      { class: 'room', 'aria-labelledby': nameId, 'data-room': roomId },
      h('header', { class: 'room-head' }, this.#name, h('p', { class: 'room-presence' }, this.#presence, this.#since)),
      h('div', { class: 'tiles' }, ...this.#tiles.map((tile) => tile.element)),
      this.#missing,
      this.#devices,
      this.#evaluations.element,
    )
    this.#evaluations.element.addEventListener('toggle', () => options.onChange())
  }

  /**
   * @param {RoomState} room
   * @param {number} nowMs
   * @param {boolean} isLive
   */
  update(room, nowMs, isLive) {
    setText(this.#name, roomName(room))
    setAttribute(this.#name, 'title', room.roomId)
    this.#updatePresence(room)
    const windows = [...room.windows.values()].sort((a, b) => a.startMs - b.startMs)
    for (const tile of this.#tiles) tile.update(windows, nowMs)
    this.#updateMissing(room, nowMs)
    this.#updateDevices(room, nowMs, isLive)
    const name = (/** @type {string} */ deviceId) => room.devices.get(deviceId)?.record?.name ?? deviceId
    this.#evaluations.update(room.evaluations, name, nowMs)
  }

  /** @param {RoomState} room */
  #updatePresence({ occupancy }) {
    const state = occupancy === undefined ? 'unknown' : occupancy.present ? 'present' : 'absent'
    setText(this.#since, occupancy === undefined ? '' : t('occupancy.since', { time: clockTime(occupancy.since) }))
    if (this.#presenceShown === state) return
    this.#presenceShown = state
    setAttribute(this.#presence, 'data-presence', state)
    const picture = icon(state === 'present' ? 'person' : state === 'absent' ? 'nobody' : 'unknown')
    this.#presence.replaceChildren(picture, t(`occupancy.${state}`))
  }

  /**
   * Devices that ought to report and do not: what the tiles show of them is old.
   * @param {RoomState} room
   * @param {number} nowMs
   */
  #updateMissing({ devices }, nowMs) {
    const lines = [...devices.values()].flatMap(({ deviceId, record, missing }) => {
      if (missing === undefined) return []
      const device = record?.name ?? deviceId
      const { lastSeenMs } = missing
      return lastSeenMs === null
        ? [t('device.neverSeen', { device })]
        : [t('device.unavailable', { device, age: age(lastSeenMs, nowMs) })]
    })
    this.#missing.hidden = lines.length === 0
    while (this.#missing.children.length > lines.length) this.#missing.lastElementChild?.remove()
    for (const [i, line] of lines.entries()) {
      const item = this.#missing.children[i] ?? h('li', { class: 'device-note', 'data-tone': 'bad' })
      setText(item, line)
      if (item.parentElement === null) this.#missing.append(item)
    }
  }

  /**
   * @param {RoomState} room
   * @param {number} nowMs
   * @param {boolean} isLive
   */
  #updateDevices({ devices }, nowMs, isLive) {
    /** @type {Element[]} */
    const elements = []
    const shown = [...devices.values()]
      .flatMap((device) => controlledKinds(device).map((kind) => ({ device, kind, key: `${device.deviceId}/${kind}` })))
      .sort((a, b) => CONTROLLED.indexOf(a.kind) - CONTROLLED.indexOf(b.kind) || (a.key < b.key ? -1 : 1))
    for (const { device, kind, key } of shown) {
      const row = this.#rows.get(key) ?? new DeviceRow(device.deviceId, kind, this.#options)
      this.#rows.set(key, row)
      row.update(device, nowMs, isLive)
      elements.push(row.element)
    }
    this.#devices.hidden = elements.length === 0
    setChildren(this.#devices, elements)
  }
}

/**
 * Kinds that can be set: those of the record, or, where there is none, those that were reported.
 * @param {import('./building-state.js').DeviceState} device
 */
function controlledKinds({ record, values }) {
  const kinds = record === undefined ? [...values.keys()] : record.kinds
  return kinds.filter((kind) => CONTROLLED.includes(kind))
}
