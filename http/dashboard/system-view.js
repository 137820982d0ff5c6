import { getJson, getText } from './api.js'
import { h, setText } from './dom.js'
import { age, clockTime, duration, number } from './format.js'
import { t } from './i18n.js'

/** @typedef {import('./building-state.js').BuildingState} BuildingState */

const REFRESH_MS = 5_000

/** What runs, for those who run it. */
export class SystemView {
  #state
  #nowMs
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #timer
  #client = panel('system.client')
  #tasks = panel('system.tasks')
  #stores = panel('system.stores')
  #connectors = panel('system.connectors')
  #topology = h('pre', { class: 'topology', tabindex: 0, role: 'region', 'aria-label': t('system.topology') })
  #copy = h('button', { type: 'button', class: 'button', onclick: () => void this.#copyTopology() }, t('system.copy'))
  element

  /**
   * @param {BuildingState} state
   * @param {() => number} nowMs
   */
  constructor(state, nowMs) {
    this.#state = state
    this.#nowMs = nowMs
    this.element = h(
      'section',
      { 'aria-labelledby': 'system-title', class: 'system' },
      h('div', { class: 'view-head' }, h('h1', { id: 'system-title' }, t('system.title'))),
      this.#client.element,
      this.#connectors.element,
      this.#stores.element,
      this.#tasks.element,
      h(
        'section',
        { class: 'panel' },
        h('header', { class: 'panel-head' }, h('h2', {}, t('system.topology')), this.#copy),
        this.#topology,
      ),
    )
  }

  open() {
    this.#timer = setInterval(() => void this.#refresh(), REFRESH_MS)
    void this.#refresh()
    void this.#refreshTopology()
  }

  close() {
    clearInterval(this.#timer)
  }

  /** Connectors tell about themselves through the feed. */
  update() {
    const nowMs = this.#nowMs()
    const rows = [...this.#state.connectors.values()].map((c) => [
      c.name,
      badge(c.state, c.state === 'running' ? 'good' : c.state === 'failed' ? 'bad' : 'warn'),
      c.lastMessageMs === undefined ? '—' : age(c.lastMessageMs, nowMs),
      number(c.received),
      number(c.published),
      number(c.deadLetters),
      number(c.queueLength),
      number(c.reconnects),
      c.lastError ?? '—',
    ])
    const columns = [
      t('system.connector'),
      t('system.state'),
      t('system.lastMessage'),
      t('system.received'),
      t('system.published'),
      t('system.deadLetters'),
      t('system.queue'),
      t('system.reconnects'),
      t('system.lastError'),
    ]
    this.#connectors.body.replaceChildren(table(t('system.connectors'), columns, rows))
  }

  async #refresh() {
    await Promise.all([
      fillPanel(this.#client, () => this.#clientBody()),
      fillPanel(this.#tasks, taskTable),
      fillPanel(this.#stores, storeTable),
    ])
    this.update()
  }

  async #clientBody() {
    const [info, metadata, ready] = await Promise.all([
      getJson('/info'),
      getJson('/v1/metadata').catch(() => undefined),
      readiness(),
    ])
    const instances = (metadata?.instances ?? []).map(
      (/** @type {any} */ i) => `${i.endpoint ?? t('system.here')} (${i.tasks.join(', ') || '—'})`,
    )
    return h(
      'dl',
      { class: 'facts-grid' },
      ...fact(
        t('system.state'),
        badge(info.state ?? '—', info.state === 'RUNNING' ? 'good' : info.state === 'ERROR' ? 'bad' : 'warn'),
      ),
      ...fact(t('system.checks'), ...ready),
      ...fact(t('system.application'), info.applicationId ?? '—'),
      ...fact(t('system.instances'), instances.join('; ') || '—'),
      ...fact(t('system.version'), `Brook ${info.version} · Node ${info.node}`),
      ...fact(t('system.started'), `${clockTime(info.startedAtMs)} (${age(info.startedAtMs, this.#nowMs())})`),
    )
  }

  async #refreshTopology() {
    try {
      setText(this.#topology, await getText('/v1/topology'))
    } catch (error) {
      setText(this.#topology, t('system.failed', { detail: String(error) }))
    }
  }

  async #copyTopology() {
    await navigator.clipboard.writeText(this.#topology.textContent ?? '')
    setText(this.#copy, t('system.copied'))
    setTimeout(() => setText(this.#copy, t('system.copy')), 2_000)
  }
}

async function taskTable() {
  const { tasks } = await getJson('/v1/tasks')
  const columns = [t('system.task'), t('system.state'), t('system.inputs'), t('system.stores'), t('system.buffered')]
  const rows = tasks.map((/** @type {any} */ task) => [
    task.taskId,
    badge(task.state, task.state === 'running' ? 'good' : 'warn'),
    task.inputs.join(', ') || '—',
    task.stores.join(', ') || '—',
    number(task.buffered),
  ])
  return table(t('system.tasks'), columns, rows)
}

async function storeTable() {
  const { stores } = await getJson('/v1/stores')
  const rows = await Promise.all(
    stores.map(async (/** @type {any} */ store) => [
      store.name,
      store.windowSizeMs === undefined ? store.type : `${store.type} (${duration(store.windowSizeMs)})`,
      `${store.keySerde} → ${store.valueSerde}`,
      await entryCount(store),
      store.tasks.join(', ') || '—',
    ]),
  )
  const columns = [t('system.store'), t('system.type'), t('system.serdes'), t('system.entries'), t('system.tasks')]
  return table(t('system.stores'), columns, rows)
}

/** @param {{ name: string, type: string }} store */
async function entryCount({ name, type }) {
  if (type !== 'key-value') return '—'
  try {
    const { count, complete } = await getJson(`/v1/stores/${encodeURIComponent(name)}/count`)
    return `≈ ${number(count)}${complete ? '' : ' …'}`
  } catch {
    return '—'
  }
}

/** The checks that are not passed are the ones that matter; the answer is 503 then. */
async function readiness() {
  const response = await fetch('/readyz')
  const { checks } = await response.json()
  return checks.map((/** @type {any} */ { name, ready, reason }) =>
    badge(
      ready ? `${name}: ${t('system.ready')}` : `${name}: ${reason ?? t('system.notReady')}`,
      ready ? 'good' : 'bad',
    ),
  )
}

/** @param {import('./i18n.js').MessageKey} title */
function panel(title) {
  const body = h('div', { class: 'panel-body' })
  return {
    body,
    element: h('section', { class: 'panel' }, h('header', { class: 'panel-head' }, h('h2', {}, t(title))), body),
  }
}

/**
 * @param {{ body: HTMLElement }} panel
 * @param {() => Promise<HTMLElement>} make
 */
async function fillPanel({ body }, make) {
  try {
    body.replaceChildren(await make())
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    body.replaceChildren(h('p', { class: 'empty' }, t('system.failed', { detail })))
  }
}

/**
 * @param {string} text
 * @param {'good' | 'warn' | 'bad'} tone
 */
function badge(text, tone) {
  return h('span', { class: 'badge', 'data-tone': tone }, text)
}

/**
 * @param {string} name
 * @param {...(Node | string)} value
 */
function fact(name, ...value) {
  return [h('dt', {}, name), h('dd', {}, ...value)]
}

/**
 * @param {string} label
 * @param {readonly string[]} columns
 * @param {readonly (readonly (Node | string)[])[]} rows
 */
function table(label, columns, rows) {
  if (rows.length === 0) return h('p', { class: 'empty' }, t('system.none'))
  return h(
    'div',
    { class: 'table-wrap', tabindex: 0, role: 'region', 'aria-label': label },
    h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...columns.map((column) => h('th', { scope: 'col' }, column)))),
      h(
        'tbody',
        {},
        ...rows.map((cells) =>
          h('tr', {}, ...cells.map((cell, i) => (i === 0 ? h('th', { scope: 'row' }, cell) : h('td', {}, cell)))),
        ),
      ),
    ),
  )
}
