import { h, setAttribute, setChildren, setText } from './dom.js'
import { age, clockTime, minuteOfDay, number, valueText } from './format.js'
import { t, tName } from './i18n.js'
import { icon } from './icons.js'

/** @typedef {import('../../schemas/types.ts').RuleEvaluation} RuleEvaluation */

const RESULT_ICONS = /** @type {Record<string, import('./icons.js').IconName>} */ ({
  fired: 'yes',
  unchanged: 'same',
  held_by_override: 'held',
  conditions_not_met: 'no',
  disabled: 'off',
  no_data: 'unknown',
  unknown: 'unknown',
})

const RULE_ORDER = ['lights', 'blinds-open', 'blinds-close', 'radiator-up', 'radiator-down']

/** Why the devices of a room are as they are: the last evaluation of each rule, with what it saw. */
export class Evaluations {
  #lead = h('span', { class: 'why-lead' })
  #list = h('ul', { class: 'why-list' })
  /** @type {Map<string, EvaluationItem>} */
  #items = new Map()
  element = h(
    'details',
    { class: 'why' },
    h('summary', {}, h('span', { class: 'why-title' }, t('why.title')), this.#lead),
    this.#list,
  )

  /**
   * @param {ReadonlyMap<string, RuleEvaluation>} evaluations
   * @param {(deviceId: string) => string} deviceName
   * @param {number} nowMs
   */
  update(evaluations, deviceName, nowMs) {
    const all = current([...evaluations]).sort(
      ([, a], [, b]) => order(a) - order(b) || compare(a.rule, b.rule) || compare(a.deviceId ?? '', b.deviceId ?? ''),
    )
    const lead = leading(all.map(([, evaluation]) => evaluation))
    setText(
      this.#lead,
      lead === undefined ? t('why.none') : `${tName('rule', lead.rule)}: ${tName('result', lead.result)}`,
    )
    for (const key of this.#items.keys()) if (!evaluations.has(key)) this.#items.delete(key)
    for (const [key, evaluation] of all) {
      const item = this.#items.get(key) ?? new EvaluationItem()
      this.#items.set(key, item)
      if (this.element.open) item.update(evaluation, deviceName, nowMs, isOneOfMany(evaluation, all))
    }
    if (this.element.open)
      setChildren(
        this.#list,
        all.map(([key]) => /** @type {EvaluationItem} */ (this.#items.get(key)).element),
      )
  }
}

/** One rule. What it saw is only drawn again when it was evaluated again. */
class EvaluationItem {
  #result = h('span', { class: 'why-result' })
  #rule = h('span', { class: 'why-rule' })
  #age = h('span', { class: 'why-age' })
  #reason = h('p', { class: 'why-reason', lang: 'en' })
  #facts = h('div', { class: 'why-facts' })
  /** @type {RuleEvaluation | undefined} */
  #shown
  element = h(
    'li',
    { class: 'why-item' },
    h('p', { class: 'why-head' }, this.#rule, this.#result, this.#age),
    this.#reason,
    this.#facts,
  )

  /**
   * @param {RuleEvaluation} evaluation
   * @param {(deviceId: string) => string} deviceName
   * @param {number} nowMs
   * @param {boolean} isOneOfMany the rule acts on several devices of the room
   */
  update(evaluation, deviceName, nowMs, isOneOfMany) {
    setText(this.#age, age(evaluation.atMs, nowMs))
    const device = isOneOfMany && evaluation.deviceId !== null ? ` · ${deviceName(evaluation.deviceId)}` : ''
    setText(this.#rule, `${tName('rule', evaluation.rule)}${device}`)
    if (this.#shown === evaluation) return
    this.#shown = evaluation
    const { rule, result, reason, conditions, causes, targetValue, deviceId } = evaluation
    setAttribute(this.#result, 'data-result', result)
    this.#result.replaceChildren(icon(RESULT_ICONS[result] ?? 'unknown'), tName('result', result))
    const kind = deviceId?.split('-')[0] ?? ''
    const target = targetValue === null ? '' : ` (${t('why.target', { value: targetText(rule, kind, targetValue) })})`
    setText(this.#reason, `${reason}${target}`)
    this.#facts.replaceChildren(
      ...factList(t('why.conditions'), conditions.map(conditionItem)),
      ...factList(
        t('why.causes'),
        causes.map((cause) => causeItem(cause, deviceName)),
      ),
    )
    if (causes.length === 0) this.#facts.append(h('p', { class: 'why-empty' }, t('why.noCauses')))
  }
}

/**
 * @param {string} title
 * @param {readonly HTMLElement[]} items
 */
function factList(title, items) {
  return items.length === 0 ? [] : [h('p', { class: 'why-label' }, title), h('ul', { class: 'facts' }, ...items)]
}

/** @param {import('../../schemas/types.ts').Condition} condition */
function conditionItem({ name, holds, actual, threshold }) {
  const isTime = /evening|night|morning/.test(name)
  const isPresence = /present/.test(name)
  /** @param {number} value */
  const show = (value) => (isTime ? minuteOfDay(value) : number(value, Number.isInteger(value) ? 0 : 1))
  const parts = [
    actual === null || isPresence ? '' : show(actual),
    threshold === null ? '' : t('why.threshold', { value: show(threshold) }),
  ].filter((part) => part !== '')
  return h(
    'li',
    { class: 'fact', 'data-holds': String(holds) },
    icon(holds ? 'yes' : 'no'),
    h(
      'span',
      { class: 'fact-name' },
      tName('condition', name),
      h('span', { class: 'visually-hidden' }, `: ${t(holds ? 'why.holds' : 'why.holdsNot')}`),
    ),
    h('span', { class: 'fact-value' }, parts.join(' · ')),
  )
}

/**
 * @param {import('../../schemas/types.ts').Cause} cause
 * @param {(deviceId: string) => string} deviceName
 */
function causeItem({ deviceId, kind, value, timeMs, topic, partition, offset }, deviceName) {
  const what = value === null || kind === null ? '' : valueText(kind, value)
  return h(
    'li',
    { class: 'fact', title: `${topic}-${partition} @ ${offset}` },
    h(
      'span',
      { class: 'fact-name' },
      deviceId === null ? topic : deviceName(deviceId),
      kind === null ? '' : ` · ${tName('kind', kind)}`,
    ),
    h('span', { class: 'fact-value' }, [what, clockTime(timeMs, true)].filter((part) => part !== '').join(' · ')),
  )
}

/**
 * What a rule wants, in the words of the kind it sets.
 * @param {string} rule
 * @param {string} kind
 * @param {number} value
 */
function targetText(rule, kind, value) {
  if (rule.startsWith('blinds')) return valueText('blinds', value)
  if (rule.startsWith('radiator')) return valueText('radiator', value)
  return valueText(kind === 'switch' ? 'switch' : 'light', value)
}

/** @typedef {[key: string, evaluation: RuleEvaluation]} Entry */

/**
 * A rule that found no device to act on says nothing any more once it has found one.
 * @param {readonly Entry[]} entries
 */
function current(entries) {
  const withDevice = new Set(entries.flatMap(([, { rule, deviceId }]) => (deviceId === null ? [] : [rule])))
  return entries.filter(([, { rule, deviceId }]) => deviceId !== null || !withDevice.has(rule))
}

/**
 * @param {RuleEvaluation} evaluation
 * @param {readonly Entry[]} all
 */
function isOneOfMany({ rule }, all) {
  return all.filter(([, other]) => other.rule === rule).length > 1
}

/**
 * @param {string} a
 * @param {string} b
 */
function compare(a, b) {
  return a < b ? -1 : a > b ? 1 : 0
}

/** @param {RuleEvaluation} evaluation */
function order({ rule }) {
  const place = RULE_ORDER.indexOf(rule)
  return place < 0 ? RULE_ORDER.length : place
}

/**
 * The one to name first: what was done last, then what is held back by hand, then the newest.
 * @param {readonly RuleEvaluation[]} evaluations
 */
function leading(evaluations) {
  const newest = evaluations.toSorted((a, b) => b.atMs - a.atMs)
  return (
    newest.find(({ result }) => result === 'fired') ??
    newest.find(({ result }) => result === 'held_by_override') ??
    newest.find(({ result }) => result === 'unchanged') ??
    newest[0]
  )
}
