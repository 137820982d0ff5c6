import { postCommand } from './api.js'
import { h, setAttribute } from './dom.js'
import { valueText } from './format.js'
import { t } from './i18n.js'

/** Arrow keys change a slider many times: only where it comes to rest is meant. */
const REST_MS = 350
const SHOW_RESULT_MS = 6_000

/**
 * @typedef {import('./building-state.js').KnownCommand} KnownCommand
 * @typedef {{ text: string, tone: 'waiting' | 'good' | 'bad' }} Note
 * @typedef {{ deviceId: string, kind: string, announce: (text: string) => void, onChange: () => void }} ControlOptions
 */

/**
 * Sets one kind of a device by hand. What is asked for is never shown as if it were so: the control stands where the
 * device was told to go, and the note beside it says that the device is waited for.
 */
export class Control {
  #options
  /** @type {HTMLInputElement} */
  #input
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #rest
  /** What this page asked for and has no final answer to. */
  #wanted = /** @type {{ value: number, commandId: string | undefined } | undefined} */ (undefined)
  #failure = /** @type {{ detail: string, atMs: number } | undefined} */ (undefined)
  /** @type {Set<string>} */
  #mine = new Set()
  element

  /** @param {ControlOptions} options */
  constructor(options) {
    this.#options = options
    const isSwitch = options.kind === 'switch'
    this.#input = isSwitch
      ? h('input', { type: 'checkbox', role: 'switch', class: 'switch', onchange: () => this.#changed() })
      : h('input', {
          type: 'range',
          min: 0,
          max: 100,
          step: 5,
          class: 'slider',
          oninput: () => this.#moved(),
          onchange: () => this.#changed(),
        })
    this.element = h('span', { class: 'control' }, this.#input)
  }

  /** @param {string} label */
  setLabel(label) {
    setAttribute(this.#input, 'aria-label', t('device.set', { device: label }))
  }

  /**
   * @param {{ reported: number | undefined, known: KnownCommand | undefined, nowMs: number, isLive: boolean }} state
   * @returns {Note | undefined} what is to be said of the last command
   */
  update({ reported, known, nowMs, isLive }) {
    this.#input.disabled = !isLive
    const pending = this.#settle(known)
    const shown = pending ?? reported
    const isBusy = this.#rest !== undefined || this.#input.matches(':active')
    if (!isBusy && shown !== undefined) this.#show(shown)
    this.element.classList.toggle('is-waiting', pending !== undefined)
    return this.#note(known, nowMs)
  }

  /**
   * Where the device was told to go, as long as nobody knows whether it did.
   * @param {KnownCommand | undefined} known
   */
  #settle(known) {
    const { commandId } = this.#wanted ?? {}
    if (commandId !== undefined && known?.command.commandId === commandId) {
      this.#wanted = undefined
    }
    if (this.#wanted !== undefined) return this.#wanted.value
    return known !== undefined && isOpen(known) ? known.command.value : undefined
  }

  #moved() {
    this.#describe(this.#value())
  }

  #changed() {
    clearTimeout(this.#rest)
    this.#describe(this.#value())
    this.#rest = setTimeout(() => {
      this.#rest = undefined
      void this.#send(this.#value())
    }, REST_MS)
  }

  /** @param {number} value */
  async #send(value) {
    const { deviceId, kind, onChange, announce } = this.#options
    this.#wanted = { value, commandId: undefined }
    this.#failure = undefined
    onChange()
    try {
      const commandId = await postCommand({ deviceId, kind, value })
      this.#mine.add(commandId)
      if (this.#wanted?.value === value) this.#wanted.commandId = commandId
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error)
      this.#wanted = undefined
      this.#failure = { detail, atMs: Date.now() }
      announce(t('device.failed', { detail }))
    }
    onChange()
  }

  /**
   * @param {KnownCommand | undefined} known
   * @param {number} nowMs
   * @returns {Note | undefined}
   */
  #note(known, nowMs) {
    const { kind } = this.#options
    if (this.#rest !== undefined) return { text: valueText(kind, this.#value()), tone: 'waiting' }
    if (this.#failure !== undefined) {
      if (Date.now() - this.#failure.atMs < SHOW_RESULT_MS * 2)
        return { text: t('device.failed', { detail: this.#failure.detail }), tone: 'bad' }
      this.#failure = undefined
    }
    if (this.#wanted !== undefined) {
      const key = this.#wanted.commandId === undefined ? 'device.sending' : 'device.waiting'
      return { text: t(key, { value: valueText(kind, this.#wanted.value) }), tone: 'waiting' }
    }
    return known === undefined ? undefined : this.#commandNote(known, nowMs)
  }

  /**
   * @param {KnownCommand} known
   * @param {number} nowMs
   * @returns {Note | undefined}
   */
  #commandNote(known, nowMs) {
    const { command, result } = known
    const value = valueText(command.kind, command.value)
    if (isOpen(known)) {
      if (nowMs > command.expiresAtMs + 60_000) return undefined
      const rule = /^rule:(.+)$/.exec(command.issuer)?.[1]
      const text = rule === undefined ? t('device.waiting', { value }) : t('device.waitingRule', { value, rule })
      return { text, tone: 'waiting' }
    }
    if (result === undefined || result.status === 'sent' || result.status === 'unknown') return undefined
    const isGood = result.status === 'confirmed'
    if (nowMs - result.atMs > SHOW_RESULT_MS * (isGood ? 1 : 5)) return undefined
    const text = t(`device.${result.status}`, { value, detail: result.detail ?? '' })
    if (this.#mine.delete(command.commandId)) this.#options.announce(text)
    return { text, tone: isGood ? 'good' : 'bad' }
  }

  #value() {
    return this.#options.kind === 'switch' ? Number(this.#input.checked) : Number(this.#input.value)
  }

  /** @param {number} value */
  #show(value) {
    if (this.#options.kind === 'switch') this.#input.checked = value >= 0.5
    else if (Number(this.#input.value) !== value) this.#input.value = String(value)
    this.#describe(value)
  }

  /** @param {number} value */
  #describe(value) {
    if (this.#options.kind === 'switch') return
    this.#input.style.setProperty('--at', `${value}%`)
    setAttribute(this.#input, 'aria-valuetext', valueText(this.#options.kind, value))
  }
}

/**
 * Neither done nor given up. A command that has long expired is not waited for, even if its end was never told.
 * @param {KnownCommand} known
 */
function isOpen({ command, result }) {
  if (result !== undefined) return result.status === 'sent'
  return Date.now() < command.expiresAtMs + 60_000
}
