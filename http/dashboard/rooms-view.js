import { getJson } from './api.js'
import { h, setChildren, setText } from './dom.js'
import { number } from './format.js'
import { t } from './i18n.js'
import { RoomCard, roomName } from './room-card.js'

/**
 * @typedef {import('./building-state.js').BuildingState} BuildingState
 * @typedef {import('./building-state.js').RoomState} RoomState
 * @typedef {{ card: RoomCard, room: RoomState }} Shown
 */

const HISTORIES_AT_ONCE = 4

/** Every room, by floor. */
export class RoomsView {
  #state
  #options
  /** @type {Map<string, RoomCard>} */
  #cards = new Map()
  /** @type {Map<string, { element: HTMLElement, title: HTMLElement, summary: HTMLElement, grid: HTMLElement }>} */
  #floors = new Map()
  /** @type {Set<string>} */
  #asked = new Set()
  /** @type {string[]} */
  #toAsk = []
  #asking = 0
  #filter = h('input', {
    type: 'search',
    class: 'filter',
    placeholder: t('rooms.filter'),
    'aria-label': t('rooms.filter'),
    autocomplete: 'off',
    oninput: () => this.#options.onChange(),
  })
  #list = h('div', { class: 'floors' })
  #empty = h('p', { class: 'empty' }, t('rooms.loading'))
  #observer = new IntersectionObserver((entries) => this.#seen(entries), { rootMargin: '300px' })
  element = h(
    'section',
    { 'aria-labelledby': 'rooms-title' },
    h('div', { class: 'view-head' }, h('h1', { id: 'rooms-title' }, t('rooms.title')), this.#filter),
    this.#list,
    this.#empty,
  )

  /**
   * @param {BuildingState} state
   * @param {import('./device-row.js').RowOptions} options
   */
  constructor(state, options) {
    this.#state = state
    this.#options = options
  }

  /**
   * @param {{ nowMs: number, isLive: boolean, isReady: boolean, changed: ReadonlySet<string> | undefined }} frame `changed`
   * are the rooms to draw again; all when absent
   */
  update({ nowMs, isLive, isReady, changed }) {
    const text = this.#filter.value.trim().toLowerCase()
    const rooms = [...this.#state.rooms.values()].filter((room) => matches(room, text))
    const byFloor = Map.groupBy(rooms, floorOf)
    const floors = [...byFloor.keys()].sort(compareFloors)
    for (const floor of floors) this.#updateFloor(floor, byFloor.get(floor) ?? [], { nowMs, isLive, changed })
    setChildren(
      this.#list,
      floors.map((floor) => this.#floor(floor).element),
    )
    this.#empty.hidden = rooms.length > 0
    if (rooms.length > 0) return
    const isNoMatch = this.#state.rooms.size > 0
    setText(this.#empty, isNoMatch ? t('rooms.noMatch', { text }) : t(isReady ? 'rooms.none' : 'rooms.loading'))
  }

  /** Stops watching; the view is not used any more. */
  close() {
    this.#observer.disconnect()
  }

  /** Histories are asked for anew: there may be a gap. */
  forgetHistories() {
    this.#asked.clear()
    this.#toAsk.length = 0
    for (const card of this.#cards.values()) {
      this.#observer.unobserve(card.element)
      this.#observer.observe(card.element)
    }
  }

  /**
   * @param {string} floor
   * @param {readonly RoomState[]} rooms
   * @param {{ nowMs: number, isLive: boolean, changed: ReadonlySet<string> | undefined }} frame
   */
  #updateFloor(floor, rooms, { nowMs, isLive, changed }) {
    const { title, summary, grid } = this.#floor(floor)
    setText(title, floorName(floor))
    setText(summary, floorSummary(rooms))
    const sorted = rooms.toSorted((a, b) => compareText(a.roomId, b.roomId))
    setChildren(
      grid,
      sorted.map((room) => {
        const known = this.#cards.get(room.roomId)
        const card = known ?? new RoomCard(room.roomId, this.#options)
        if (known === undefined) {
          this.#cards.set(room.roomId, card)
          this.#observer.observe(card.element)
        }
        if (known === undefined || changed === undefined || changed.has(room.roomId)) card.update(room, nowMs, isLive)
        return card.element
      }),
    )
  }

  /** @param {string} floor */
  #floor(floor) {
    const known = this.#floors.get(floor)
    if (known !== undefined) return known
    const id = `floor-${this.#floors.size}`
    const title = h('h2', { id })
    const summary = h('p', { class: 'floor-summary' })
    const grid = h('div', { class: 'grid' })
    const element = h(
      'section',
      { class: 'floor', 'aria-labelledby': id },
      h('header', { class: 'floor-head' }, title, summary),
      grid,
    )
    const made = { element, title, summary, grid }
    this.#floors.set(floor, made)
    return made
  }

  /** @param {readonly IntersectionObserverEntry[]} entries */
  #seen(entries) {
    for (const { isIntersecting, target } of entries) {
      const { room } = /** @type {HTMLElement} */ (target).dataset
      if (!isIntersecting || room === undefined || this.#asked.has(room)) continue
      this.#asked.add(room)
      this.#toAsk.push(room)
    }
    this.#askNext()
  }

  /** The course of the last three hours comes from the store, a few rooms at a time, and only for rooms that are looked at. */
  #askNext() {
    while (this.#asking < HISTORIES_AT_ONCE && this.#toAsk.length > 0) {
      const roomId = /** @type {string} */ (this.#toAsk.shift())
      this.#asking++
      void this.#ask(roomId).finally(() => {
        this.#asking--
        this.#askNext()
      })
    }
  }

  /** @param {string} roomId */
  async #ask(roomId) {
    try {
      const { windows } = await getJson(`/v1/stores/room-averages/windows/${encodeURIComponent(roomId)}`)
      const newest = this.#state.rooms.get(roomId)?.windows
      for (const { startMs, endMs, value } of windows)
        if (!newest?.has(startMs)) this.#state.addWindow(roomId, startMs, endMs, value)
    } catch {
      this.#asked.delete(roomId)
    }
  }
}

/**
 * @param {RoomState} room
 * @param {string} text
 */
function matches(room, text) {
  return text === '' || roomName(room).toLowerCase().includes(text) || room.roomId.toLowerCase().includes(text)
}

/** @param {RoomState} room */
function floorOf({ label, devices }) {
  if (label !== undefined) return label.floor
  for (const { record } of devices.values()) if (record !== undefined) return record.floor
  return ''
}

/** @param {string} floor */
function floorName(floor) {
  if (floor === '') return t('rooms.elsewhere')
  if (floor === '0') return t('floor.ground')
  return /^-?\d+$/.test(floor) ? t('floor.number', { floor }) : floor
}

/** @param {readonly RoomState[]} rooms */
function floorSummary(rooms) {
  const occupied = rooms.filter((room) => room.occupancy?.present).length
  const means = rooms.flatMap(({ windows }) => {
    const newest = [...windows.values()].reduce(
      (a, b) => (a && a.startMs > b.startMs ? a : b),
      /** @type {import('./building-state.js').Window | undefined} */ (undefined),
    )
    return newest?.averages.temperature ? [newest.averages.temperature.mean] : []
  })
  const parts = [
    rooms.length === 1 ? t('rooms.countOne') : t('rooms.count', { count: rooms.length }),
    t('rooms.occupied', { count: occupied }),
  ]
  if (means.length > 0) parts.push(`${number(means.reduce((a, b) => a + b) / means.length, 1)}\u202f°C`)
  return parts.join(' · ')
}

/**
 * @param {string} a
 * @param {string} b
 */
function compareFloors(a, b) {
  if (a === '' || b === '') return a === b ? 0 : a === '' ? 1 : -1
  return compareText(a, b)
}

/**
 * @param {string} a
 * @param {string} b
 */
function compareText(a, b) {
  return a.localeCompare(b, undefined, { numeric: true })
}
