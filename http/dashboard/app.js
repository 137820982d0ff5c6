import { Announcer } from './announcer.js'
import { getJson } from './api.js'
import { BuildingState } from './building-state.js'
import { setAttribute, setText } from './dom.js'
import { clockTime } from './format.js'
import { currentLanguage, setLanguage, t } from './i18n.js'
import { LiveFeed } from './live-feed.js'
import { roomName } from './room-card.js'
import { RoomsView } from './rooms-view.js'
import { SystemView } from './system-view.js'

/**
 * @param {string} id
 * @returns {HTMLElement}
 */
const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id))
const announcer = new Announcer(byId('announcer'))

/** @type {Set<string>} */
let changedRooms = new Set()
let isDrawDue = false
let isReady = false
let canCommand = false
/** @type {import('./live-feed.js').Connection} */
let connection = { state: 'connecting', lastHeardMs: undefined }

const building = new BuildingState((roomId) => {
  if (roomId !== undefined) changedRooms.add(roomId)
  drawSoon()
})

const feed = new LiveFeed({
  onSnapshot: () => {
    isReady = false
    building.reset()
    rooms?.forgetHistories()
  },
  onReady: () => {
    isReady = true
    drawAll()
  },
  onEvent: (type, key, data) => {
    const before = type === 'occupancy' && isReady ? building.rooms.get(key)?.occupancy?.present : undefined
    building.apply(type, key, data)
    const room = building.rooms.get(key)
    if (before === undefined || room === undefined || before === data.present) return
    const message = data.present ? 'occupancy.nowPresent' : 'occupancy.nowAbsent'
    announcer.say(t(message, { room: roomName(room) }))
  },
  onConnection: (now) => {
    const hasChanged = now.state !== connection.state
    if (hasChanged && connection.state === 'lost') announcer.say(t('live.back'))
    connection = now
    if (hasChanged && now.state === 'lost') announcer.say(lostText())
    drawAll()
  },
})

const rowOptions = {
  announce: (/** @type {string} */ text) => announcer.say(text),
  onChange: () => drawAll(),
  canCommand: () => canCommand,
}

/** @type {RoomsView | undefined} */
let rooms
/** @type {SystemView | undefined} */
let system

/** Makes the view that the address names, in the language of the moment. */
function show() {
  const isSystem = location.hash === '#/system'
  rooms?.close()
  system?.close()
  rooms = isSystem ? undefined : new RoomsView(building, rowOptions)
  system = isSystem ? new SystemView(building, () => feed.nowMs()) : undefined
  const view = rooms ?? system
  byId('view').replaceChildren(...(view === undefined ? [] : [view.element]))
  for (const link of document.querySelectorAll('[data-view]')) {
    const isCurrent = link.getAttribute('data-view') === (isSystem ? 'system' : 'rooms')
    setAttribute(link, 'aria-current', isCurrent ? 'page' : undefined)
  }
  system?.open()
  drawAll()
}

function translate() {
  document.documentElement.lang = currentLanguage()
  document.title = t('page.title')
  for (const element of document.querySelectorAll('[data-text]'))
    setText(element, t(/** @type {import('./i18n.js').MessageKey} */ (element.getAttribute('data-text'))))
  byId('languages').setAttribute('aria-label', t('nav.language'))
  for (const button of document.querySelectorAll('[data-language]'))
    button.setAttribute('aria-pressed', String(button.getAttribute('data-language') === currentLanguage()))
}

function lostText() {
  const { lastHeardMs } = connection
  return lastHeardMs === undefined ? t('live.never') : t('live.lost', { time: clockTime(lastHeardMs, true) })
}

function drawConnection() {
  const { state, lastHeardMs } = connection
  const pill = byId('connection')
  setAttribute(pill, 'data-state', state)
  const text =
    state === 'live'
      ? t('live.live')
      : state === 'connecting' || lastHeardMs === undefined
        ? t('live.connecting')
        : t('live.stale', { time: clockTime(lastHeardMs, true) })
  setText(byId('connection-text'), text)
  const banner = byId('banner')
  banner.hidden = state !== 'lost'
  setText(banner, state === 'lost' ? lostText() : '')
  document.body.classList.toggle('is-stale', state === 'lost')
}

function drawAll() {
  changedRooms = new Set(building.rooms.keys())
  drawSoon()
}

/** Many events, one drawing. While the beginning is still coming in nothing is drawn. */
function drawSoon() {
  if (isDrawDue) return
  isDrawDue = true
  requestAnimationFrame(() => {
    isDrawDue = false
    const changed = changedRooms
    changedRooms = new Set()
    drawConnection()
    const isLive = connection.state === 'live'
    rooms?.update({ nowMs: feed.nowMs(), isLive, isReady, changed })
    system?.update()
  })
}

async function learnAbilities() {
  try {
    canCommand = (await getJson('/info')).commands
  } catch {
    setTimeout(() => void learnAbilities(), 5_000)
    return
  }
  show()
}

for (const button of document.querySelectorAll('[data-language]'))
  button.addEventListener('click', () => {
    setLanguage(button.getAttribute('data-language') ?? 'en')
    translate()
    show()
  })
document.querySelector('.skip')?.addEventListener('click', (event) => {
  event.preventDefault()
  byId('view').focus()
})
addEventListener('hashchange', () => {
  show()
  byId('view').focus()
})
// Ages grow by themselves; a page that nobody looks at need not show them.
setInterval(() => {
  if (!document.hidden) drawAll()
}, 1_000)
translate()
show()
void learnAbilities()
