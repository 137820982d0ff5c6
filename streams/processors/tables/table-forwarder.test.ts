import { describe, expect, it } from 'vitest'
import { EMPTY_HEADERS } from '../../../common/record.ts'
import type { Change, StreamRecord, Windowed } from '../../record.ts'
import type { ProcessorContext } from '../processor.ts'
import { TableForwarder } from './table-forwarder.ts'

interface Sent {
  key: unknown
  newValue: unknown
  oldValue: unknown
  at: number
}

function forwarder(
  options: { caching?: boolean; maxBytes?: number; sendOldValues?: boolean; windowSizeMs?: number } = {},
) {
  const rows = {}
  const sent: Sent[] = []
  const flushes: (() => unknown)[] = []
  let onSend: ((sent: Sent) => void) | undefined
  const forward = ({ key, value, timestampMs }: StreamRecord<unknown, Change<unknown>>): void => {
    const one = { key, newValue: value.newValue, oldValue: value.oldValue, at: timestampMs }
    sent.push(one)
    onSend?.(one)
  }
  const context = {
    applicationId: 'app',
    recordCacheMaxBytes: options.maxBytes ?? 10_000,
    onCommit: (flush: () => unknown) => void flushes.push(flush),
    recordMetadata: () => undefined,
    getStateStore: () => rows,
    forward,
    forwardAs: forward,
  } as unknown as ProcessorContext
  const settings = {
    sendOldValues: options.sendOldValues ?? true,
    caching: options.caching ?? true,
    copy: undefined,
  }
  const table = new TableForwarder<string>(context, 'store', settings, (key) => key, options.windowSizeMs)
  const send = (key: string, newValue: string | null, oldValue: string | null, at = 0, windowStartMs = 0): void => {
    void table.forward(key, windowStartMs, newValue, oldValue, at, EMPTY_HEADERS, at)
  }
  return {
    sent,
    send,
    table,
    commit: () => flushes.forEach((flush) => void flush()),
    drain: () =>
      sent.splice(0).map((s) => `${(s.key as Windowed<string>).key ?? s.key}:${s.oldValue}->${s.newValue}@${s.at}`),
    whenSent: (then: (sent: Sent) => void) => {
      onSend = then
    },
  }
}

describe('without the record cache', () => {
  it.each([
    ['turned off for the table', { caching: false }],
    ['turned off for the client', { maxBytes: 0 }],
  ])('every update goes on at once, deletions of nothing too: %s', (_what, options) => {
    const { send, drain } = forwarder(options)
    send('a', '1', null, 1)
    send('a', '2', '1', 2)
    send('b', null, null, 3)
    expect(drain()).toEqual(['a:null->1@1', 'a:1->2@2', 'b:null->null@3'])
  })
})

describe('with the record cache', () => {
  it('the last update of each key goes on at the commit, with the value that was there before the first', () => {
    const { send, drain, commit } = forwarder()
    send('a', '1', '0', 1)
    send('b', '1', null, 2)
    send('a', '2', '1', 3)
    expect(drain()).toEqual([])
    commit()
    expect(drain()).toEqual(['b:null->1@2', 'a:0->2@3'])
    commit()
    expect(drain()).toEqual([])
  })

  it('they go in the order of their last update, however many there are', () => {
    const { send, drain, commit } = forwarder()
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`)
    for (const key of keys) send(key, '1', null)
    send('k3', '2', '1')
    send('k0', '2', '1')
    commit()
    expect(drain().map((s) => s.slice(0, s.indexOf(':')))).toEqual([
      ...keys.filter((k) => k !== 'k3' && k !== 'k0'),
      'k3',
      'k0',
    ])
  })

  it('what came and went in between is not spoken of', () => {
    const { send, drain, commit } = forwarder()
    send('a', '1', null)
    send('a', null, '1')
    send('b', null, '1', 7)
    commit()
    expect(drain()).toEqual(['b:1->null@7'])
  })

  it('old values are left out when nobody asked', () => {
    const { send, drain, commit } = forwarder({ sendOldValues: false })
    send('a', '1', '0')
    send('b', null, '0')
    commit()
    expect(drain()).toEqual(['a:null->1@0', 'b:null->null@0'])
  })

  it('past its bound all updates go on, without a commit', () => {
    const { send, drain } = forwarder({ maxBytes: 400 })
    send('a', '1', null)
    send('b', '1', null)
    expect(drain()).toEqual([])
    send('c', '1', null)
    expect(drain()).toEqual(['a:null->1@0', 'b:null->1@0', 'c:null->1@0'])
  })

  it('an update that a flush causes waits for the next one', () => {
    const { send, drain, commit, whenSent } = forwarder()
    whenSent(({ key }) => {
      if (key === 'a') send('c', '1', null)
    })
    send('a', '1', null)
    send('b', '1', null)
    commit()
    expect(drain()).toEqual(['a:null->1@0', 'b:null->1@0'])
    commit()
    expect(drain()).toEqual(['c:null->1@0'])
  })

  it('windows of one key are updates of their own', () => {
    const { send, sent, commit } = forwarder({ windowSizeMs: 10 })
    send('a', '1', null, 1, 0)
    send('a', '2', null, 11, 10)
    send('a', '3', '1', 12, 0)
    commit()
    expect(
      sent.map(({ key, newValue }) => [(key as Windowed<string>).startMs, (key as Windowed<string>).endMs, newValue]),
    ).toEqual([
      [10, 20, '2'],
      [0, 10, '3'],
    ])
  })
})
