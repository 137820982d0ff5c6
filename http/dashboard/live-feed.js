/**
 * @typedef {import('../live/live-events.ts').LiveType} LiveType
 * @typedef {{ readonly state: 'connecting' | 'live' | 'lost', readonly lastHeardMs: number | undefined }} Connection
 * @typedef {{
 *   onSnapshot: () => void,
 *   onReady: () => void,
 *   onEvent: (type: LiveType, key: string, data: any) => void,
 *   onConnection: (connection: Connection) => void,
 * }} FeedListener
 */

/** @type {readonly LiveType[]} */
const TYPES = [
  'room',
  'device',
  'room-average',
  'occupancy',
  'device-state',
  'reading',
  'command',
  'command-result',
  'evaluation',
  'availability',
  'connector',
]
/** The server is heard every 15 s, if only by its heartbeat. */
const SILENCE_MS = 35_000
const MAX_BACKOFF_MS = 30_000

/** Listens to the building, and tells since when it does not hear anything. */
export class LiveFeed {
  /** @type {FeedListener} */
  #listener
  /** @type {EventSource | undefined} */
  #source
  /** @type {number | undefined} */
  #lastHeardMs
  #clockOffsetMs = 0
  #backoffMs = 1_000
  #isLive = false
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry

  /** @param {FeedListener} listener */
  constructor(listener) {
    this.#listener = listener
    setInterval(() => this.#checkSilence(), 1_000)
    addEventListener('online', () => this.#reopen())
    addEventListener('pagehide', () => this.#source?.close())
    addEventListener('pageshow', (event) => {
      if (event.persisted) this.#reopen()
    })
    this.#open()
  }

  /** The server's time, by which ages are told. */
  nowMs() {
    return Date.now() + this.#clockOffsetMs
  }

  #open() {
    const source = new EventSource('/v1/live')
    this.#source = source
    source.addEventListener('snapshot', (event) => {
      this.#heard(event)
      this.#listener.onSnapshot()
    })
    source.addEventListener('resume', (event) => this.#heard(event))
    source.addEventListener('heartbeat', (event) => this.#heard(event))
    source.addEventListener('ready', (event) => {
      this.#heard(event)
      this.#backoffMs = 1_000
      this.#isLive = true
      this.#listener.onReady()
      this.#tell('live')
    })
    source.addEventListener('closing', () => this.#lost())
    for (const type of TYPES)
      source.addEventListener(type, (event) => {
        this.#lastHeardMs = Date.now()
        const { key, data } = JSON.parse(event.data)
        this.#listener.onEvent(type, key, data)
      })
    source.addEventListener('error', () => {
      this.#lost()
      if (source.readyState === EventSource.CLOSED) this.#later()
    })
  }

  /** The browser comes back by itself after a cut, but not after a refusal. */
  #later() {
    clearTimeout(this.#retry)
    this.#retry = setTimeout(() => this.#reopen(), this.#backoffMs)
    this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS)
  }

  #reopen() {
    clearTimeout(this.#retry)
    this.#source?.close()
    this.#open()
  }

  /** @param {MessageEvent} event */
  #heard(event) {
    this.#lastHeardMs = Date.now()
    this.#clockOffsetMs = JSON.parse(event.data).timeMs - Date.now()
  }

  #lost() {
    this.#isLive = false
    this.#tell('lost')
  }

  #checkSilence() {
    if (!this.#isLive || this.#lastHeardMs === undefined || Date.now() - this.#lastHeardMs < SILENCE_MS) return
    this.#lost()
    this.#reopen()
  }

  /** @param {Connection['state']} state */
  #tell(state) {
    this.#listener.onConnection({ state, lastHeardMs: this.#lastHeardMs })
  }
}
