/** What came of a request to write lines. */
export type WriteOutcome =
  | { readonly kind: 'written' }
  /** Some of these lines cannot be written, ever; `all` where it is known to be every one. The others may be in by now. */
  | { readonly kind: 'bad lines'; readonly reason: string; readonly all: boolean }
  | { readonly kind: 'too large'; readonly reason: string }
  /** Nothing can be written for now. */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly retryAfterMs?: number }
  /** Nothing can be written until somebody mends it. */
  | { readonly kind: 'refused'; readonly reason: string }

/** The longest that a server's word is taken for: a date that is wrong must not stop the sink for a day. */
const LONGEST_RETRY_AFTER_MS = 5 * 60_000
const REASON_CHARACTERS = 500

const KINDS: Readonly<Record<number, 'bad lines' | 'too large' | 'unavailable' | 'refused'>> = {
  400: 'bad lines',
  408: 'unavailable',
  413: 'too large',
  422: 'bad lines',
  425: 'unavailable',
  429: 'unavailable',
}

/** Reads the answer to a write of `count` lines, from InfluxDB 1, 2 or 3. */
export function writeOutcome(
  status: number,
  body: string,
  retryAfter: string | null,
  count: number,
  nowMs: number,
): WriteOutcome {
  if (status >= 200 && status < 300) return { kind: 'written' }
  const reason = `InfluxDB answers ${status}: ${messageOf(body)}`
  const kind = KINDS[status] ?? (status >= 500 ? 'unavailable' : 'refused')
  if (kind === 'bad lines') return { kind, reason, all: droppedCount(body) === count }
  if (kind !== 'unavailable') return { kind, reason }
  const retryAfterMs = retryAfterIn(retryAfter, nowMs)
  return { kind, reason, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }
}

/** `{"error": "…"}` of InfluxDB 1 and 3, `{"message": "…"}` of 2, or whatever a proxy says. */
function messageOf(body: string): string {
  let text = body
  try {
    const said: unknown = JSON.parse(body)
    if (typeof said === 'object' && said !== null) {
      if ('error' in said && typeof said.error === 'string') text = said.error
      else if ('message' in said && typeof said.message === 'string') text = said.message
    }
  } catch {
    // Not JSON: as it is.
  }
  text = text.trim()
  if (text === '') return 'it does not say why'
  return text.length > REASON_CHARACTERS ? `${text.slice(0, REASON_CHARACTERS)}…` : text
}

/** How many lines it says it has left out: `… dropped=3`. */
function droppedCount(body: string): number {
  return Number(/\bdropped=(\d+)/.exec(body)?.[1] ?? Number.NaN)
}

/** Seconds, or a date of HTTP. */
function retryAfterIn(header: string | null, nowMs: number): number | undefined {
  if (header === null || header.trim() === '') return undefined
  const seconds = Number(header)
  const waitMs = Number.isNaN(seconds) ? Date.parse(header) - nowMs : seconds * 1_000
  return Number.isNaN(waitMs) ? undefined : Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, waitMs))
}
