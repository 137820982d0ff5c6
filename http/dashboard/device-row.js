import { Control } from './control.js'
import { h, setAttribute, setText } from './dom.js'
import { age, valueText } from './format.js'
import { t, tName } from './i18n.js'
import { iconOf } from './icons.js'

/**
 * @typedef {import('./building-state.js').DeviceState} DeviceState
 * @typedef {{ announce: (text: string) => void, onChange: () => void, canCommand: () => boolean }} RowOptions
 */

export const CONTROLLED = /** @type {readonly string[]} */ (['light', 'blinds', 'radiator', 'switch'])

/** One kind of a device that can be set: its level, how old that is, and a control. */
export class DeviceRow {
  #kind
  #name = h('span', { class: 'device-name' })
  #level = h('span', { class: 'device-level' })
  #age = h('span', { class: 'device-age' })
  #note = h('p', { class: 'device-note', hidden: true })
  #control
  element

  /**
   * @param {string} deviceId
   * @param {string} kind
   * @param {RowOptions} options
   */
  constructor(deviceId, kind, { announce, onChange, canCommand }) {
    this.#kind = kind
    this.#control = canCommand() ? new Control({ deviceId, kind, announce, onChange }) : undefined
    this.element = h(
      'li',
      { class: 'device' },
      iconOf(kind),
      h('span', { class: 'device-what' }, this.#name, this.#age),
      this.#control?.element,
      this.#level,
      this.#note,
    )
  }

  /**
   * @param {DeviceState} device
   * @param {number} nowMs
   * @param {boolean} isLive
   */
  update({ deviceId, record, values, commands }, nowMs, isLive) {
    const kind = this.#kind
    const value = values.get(kind)
    const name = record?.name ?? deviceId
    setText(this.#name, name)
    setAttribute(this.#name, 'title', `${tName('kind', kind)} · ${deviceId}`)
    setText(this.#level, value === undefined ? '—' : valueText(kind, value.value))
    const isUncertain = value !== undefined && value.quality === 'uncertain'
    const told = value === undefined ? t('device.unknown') : age(value.timeMs, nowMs)
    setText(this.#age, isUncertain ? `${told} · ${t('device.uncertain')}` : told)
    this.element.classList.toggle('is-on', value !== undefined && value.value > 0)
    if (this.#control === undefined) return
    this.#control.setLabel(name)
    const note = this.#control.update({ reported: value?.value, known: commands.get(kind), nowMs, isLive })
    this.#note.hidden = note === undefined
    setText(this.#note, note?.text ?? '')
    setAttribute(this.#note, 'data-tone', note?.tone)
  }
}
