import { type Header, type Headers, lastHeader } from '../common/record.ts'
import type { SpanContext, TracingApi } from './tracing.ts'

export const TRACEPARENT = 'traceparent'
export const TRACESTATE = 'tracestate'

const FORM = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** What the `traceparent` of a record says; `undefined` where there is none, or one that is not of W3C's form. */
export function traceparentOf(headers: Headers): Pick<SpanContext, 'traceId' | 'spanId' | 'traceFlags'> | undefined {
  if (headers.length === 0) return undefined
  const match = FORM.exec(lastHeader(headers, TRACEPARENT)?.toString('latin1') ?? '')
  if (match === null) return undefined
  const [, version, traceId, spanId, flags, rest] = match as unknown as readonly [
    string,
    string,
    string,
    string,
    string,
    string | undefined,
  ]
  // Later versions may say more, version 0 may not.
  if (version === '00' && rest !== undefined) return undefined
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) }
}

/** The trace that a record belongs to, for logs. */
export function traceIdOf(headers: Headers | undefined): string | undefined {
  return headers && traceparentOf(headers)?.traceId
}

/** The span that a record was made in, as far as its headers say. */
export function remoteContextOf(headers: Headers, api: TracingApi): SpanContext | undefined {
  const parent = traceparentOf(headers)
  if (parent === undefined) return undefined
  const states = headers.filter(({ key, value }) => key === TRACESTATE && value !== null)
  const context = { ...parent, isRemote: true }
  if (states.length === 0) return context
  return { ...context, traceState: api.createTraceState(states.map(({ value }) => String(value)).join(',')) }
}

/** The headers, with this span in the place of the one that they name. */
export function withSpanContext(headers: Headers, { traceId, spanId, traceFlags, traceState }: SpanContext): Headers {
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0')
  const kept = headers.filter(({ key }) => key !== TRACEPARENT && key !== TRACESTATE)
  const own: Header[] = [{ key: TRACEPARENT, value: Buffer.from(`00-${traceId}-${spanId}-${flags}`) }]
  const state = traceState?.serialize() ?? ''
  if (state !== '') own.push({ key: TRACESTATE, value: Buffer.from(state) })
  return [...kept, ...own]
}
