import { pause } from '../pause.ts'
import type { GroupPayload } from './dpt.ts'
import { DptError } from './errors.ts'
import type { GroupEntry } from './group-table.ts'
import type { KnxLink } from './knx-link.ts'

export interface ConfirmationOptions {
  readonly link: Pick<KnxLink, 'read'>
  readonly entry: GroupEntry
  readonly statusAddress: number
  /** What was written, as the datapoint type of the write address carries it. */
  readonly target: number
  /** Calls back with every payload reported on the address, until the answer is called. */
  readonly watch: (statusAddress: number, listener: (payload: GroupPayload) => void) => () => void
  readonly timeoutMs: number
  /** How long to wait for a report before the first read-back; later ones come at doubled distances. */
  readonly readBackAfterMs: number
  readonly signal: AbortSignal
}

export interface Confirmation {
  readonly arrived: boolean
  /** The last reported value, as the datapoint type of the status address carries it. */
  readonly reported: number | undefined
}

const LONGEST_READ_BACK_MS = 8_000
const READ_TIMEOUT_MS = 2_000

/** Resolves when the device reports the value, the time is over or the signal aborts. Never rejects. */
export async function awaitStatus(options: ConfirmationOptions): Promise<Confirmation> {
  const { link, entry, statusAddress, target, watch, timeoutMs, readBackAfterMs, signal } = options
  const arrived = new AbortController()
  let reported: number | undefined
  const isThere = arrivalOf(entry, target)
  const stopWatching = watch(statusAddress, (payload) => {
    const value = decoded(entry, payload)
    if (value === undefined) return
    reported = value
    if (isThere(value)) arrived.abort()
  })
  const over = AbortSignal.any([arrived.signal, signal])
  const deadlineMs = performance.now() + timeoutMs
  const leftMs = (): number => deadlineMs - performance.now()
  for (
    let waitMs = readBackAfterMs;
    !over.aborted && leftMs() > 0;
    waitMs = Math.min(2 * waitMs, LONGEST_READ_BACK_MS)
  ) {
    await pause(Math.min(waitMs, leftMs()), over)
    if (over.aborted || leftMs() <= 0) break
    // The answer is a report like any other and comes by `watch`; that there is none is no reason to stop waiting.
    const read = link.read(statusAddress, Math.min(READ_TIMEOUT_MS, leftMs())).catch(() => {})
    await Promise.race([read, whenAborted(over)])
  }
  stopWatching()
  return { arrived: arrived.signal.aborted, reported }
}

/** Whether a value of the status address shows what was written. */
function arrivalOf({ dpt, carrier, statusDpt, statusCarrier }: GroupEntry, target: number): (value: number) => boolean {
  const wanted = carrier.toReading(target)
  // "On" of a dimmer is whatever level it was left at.
  if (carrier.isCoarse && !statusCarrier.isCoarse) return (value) => statusCarrier.toReading(value) > 0 === wanted > 0
  const expected = statusDpt === dpt ? target : statusCarrier.toPayload(wanted)
  if (expected === undefined) return () => false
  const tolerance = 2 * statusDpt.toleranceOf(expected) + 1e-9
  return (value) => Math.abs(value - expected) <= tolerance
}

/** `over` lives no longer than one confirmation. */
function whenAborted(over: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (over.aborted) resolve()
    else over.addEventListener('abort', () => resolve(), { once: true })
  })
}

function decoded(entry: GroupEntry, payload: GroupPayload): number | undefined {
  try {
    return entry.statusDpt.decode(payload)
  } catch (error) {
    if (error instanceof DptError) return undefined
    throw error
  }
}
