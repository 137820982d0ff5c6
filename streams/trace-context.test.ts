import { describe, expect, it } from 'vitest'
import type { Headers } from '../common/record.ts'
import { MemoryTracer, traceState } from '../test/support/memory-tracer.ts'
import { remoteContextOf, traceIdOf, traceparentOf, withSpanContext } from './trace-context.ts'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const headers = (...pairs: readonly (readonly [string, string | null])[]): Headers =>
  pairs.map(([key, value]) => ({ key, value: value === null ? null : Buffer.from(value) }))

describe('traceparent', () => {
  it.each([
    ['of version 0', `00-${TRACE}-${SPAN}-01`, 1],
    ['that is not sampled', `00-${TRACE}-${SPAN}-00`, 0],
    ['of a later version', `01-${TRACE}-${SPAN}-03`, 3],
    ['of a later version that says more', `cc-${TRACE}-${SPAN}-01-what-the-future-holds`, 1],
  ])('%s is read', (_, text, traceFlags) => {
    expect(traceparentOf(headers(['traceparent', text]))).toEqual({ traceId: TRACE, spanId: SPAN, traceFlags })
  })

  it.each([
    ['nothing', ''],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['version 0 that says more', `00-${TRACE}-${SPAN}-01-x`],
    ['capitals', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['a trace of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['a span of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['a trace that is short', `00-${TRACE.slice(1)}-${SPAN}-01`],
    ['something around it', ` 00-${TRACE}-${SPAN}-01`],
  ])('%s is none', (_, text) => {
    expect(traceparentOf(headers(['traceparent', text]))).toBeUndefined()
    expect(traceIdOf(headers(['traceparent', text]))).toBeUndefined()
  })

  it('of a record without headers, or with an empty header, is none', () => {
    expect(traceIdOf(undefined)).toBeUndefined()
    expect(traceIdOf([])).toBeUndefined()
    expect(traceIdOf(headers(['traceparent', null]))).toBeUndefined()
  })

  it('counts the last of several', () => {
    const two = headers(['traceparent', `00-${'1'.repeat(32)}-${SPAN}-01`], ['traceparent', `00-${TRACE}-${SPAN}-01`])
    expect(traceIdOf(two)).toBe(TRACE)
  })
})

describe('tracestate', () => {
  it('of several headers is one, in their order', () => {
    const given = headers(['tracestate', 'a=1'], ['traceparent', `00-${TRACE}-${SPAN}-01`], ['tracestate', 'b=2'])
    const context = remoteContextOf(given, new MemoryTracer().tracing.api)
    expect(context).toMatchObject({ traceId: TRACE, spanId: SPAN, isRemote: true })
    expect(context?.traceState?.serialize()).toBe('a=1,b=2')
  })
})

describe('the headers of what is written', () => {
  it('name the span in the place of the one before, and keep all else in its order', () => {
    const given = headers(['id', '7'], ['traceparent', 'old'], ['tracestate', 'old=1'], ['id', '8'])
    const context = { traceId: TRACE, spanId: SPAN, traceFlags: 1, traceState: traceState('new=1') }
    expect(withSpanContext(given, context).map(({ key, value }) => [key, String(value)])).toEqual([
      ['id', '7'],
      ['id', '8'],
      ['traceparent', `00-${TRACE}-${SPAN}-01`],
      ['tracestate', 'new=1'],
    ])
  })

  it('have no empty tracestate', () => {
    const context = { traceId: TRACE, spanId: SPAN, traceFlags: 0, traceState: traceState('') }
    expect(withSpanContext([], context).map(({ key, value }) => [key, String(value)])).toEqual([
      ['traceparent', `00-${TRACE}-${SPAN}-00`],
    ])
  })
})
