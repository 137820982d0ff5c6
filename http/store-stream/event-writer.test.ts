import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, expect, test } from 'vitest'
import { EventWriter } from './event-writer.ts'
import { positionsId, positionsOf } from './positions.ts'

/** A connection that is full while `isFull`. */
class Connection extends EventEmitter {
  text = ''
  isFull = false
  socket = { destroy: () => {} }
  writeHead(): void {}
  flushHeaders(): void {}
  write(text: string): boolean {
    this.text += text
    return !this.isFull
  }
  end(text: string): void {
    this.text += text
  }
  /** What came since the last look, in short. */
  take(): string[] {
    const blocks = this.text.split('\n\n').filter((b) => b !== '')
    this.text = ''
    return blocks.map((block) => block.replace(/^event: change\ndata: /, '').replaceAll('\n', ' '))
  }
}

function make(limits = { slowAfterMs: 1_000, maxPending: 3 }) {
  const connection = new Connection()
  const state = { nowMs: 0, closed: 0 }
  const clock = { nowMs: () => state.nowMs }
  const writer = new EventWriter(connection as unknown as ServerResponse, clock, limits, () => state.closed++)
  return { connection, state, writer }
}

describe('a listener', () => {
  test('gets each change and where it stands after it', () => {
    const { connection, writer } = make()
    writer.change('a', '1')
    writer.change('a', '2')
    writer.reached('0:5')
    expect(connection.take()).toEqual(['1', '2', 'id: 0:5'])
  })

  test('that is slow gets the last change of each row, and is only then told that it has them', () => {
    const { connection, writer } = make()
    connection.isFull = true
    writer.change('a', 'a1')
    for (const [row, data] of [
      ['b', 'b1'],
      ['a', 'a2'],
      ['b', 'b2'],
    ] as const)
      writer.change(row, data)
    writer.reached('0:9')
    expect(connection.take()).toEqual(['a1'])
    connection.isFull = false
    connection.emit('drain')
    expect(connection.take()).toEqual(['a2', 'b2', 'id: 0:9'])
  })

  test('for which too many rows wait is cut with the reason', () => {
    const { connection, state, writer } = make()
    connection.isFull = true
    for (const row of ['a', 'b', 'c', 'd', 'e']) writer.change(row, row)
    expect(connection.text).toMatch(/retry: 2000\nevent: closing\ndata: .*too slow: more rows wait/)
    expect([writer.isClosed, state.closed]).toEqual([true, 1])
  })

  test('that takes nothing for too long is cut by the heartbeat', () => {
    const { connection, state, writer } = make()
    writer.heartbeat()
    expect(connection.take()).toEqual(['event: heartbeat data: {"timeMs":0}'])
    connection.isFull = true
    writer.change('a', 'a1')
    state.nowMs = 999
    writer.heartbeat()
    expect(writer.isClosed).toBe(false)
    state.nowMs = 1_000
    writer.heartbeat()
    expect([writer.isClosed, state.closed]).toEqual([true, 1])
  })

  test('holds back who writes rows, until it takes more or goes', async () => {
    const { connection, writer } = make()
    await writer.ready()
    connection.isFull = true
    writer.event('row', '1')
    const order: string[] = []
    const waiting = writer.ready().then(() => order.push('ready'))
    await Promise.resolve()
    order.push('drain')
    connection.isFull = false
    connection.emit('drain')
    await waiting
    expect(order).toEqual(['drain', 'ready'])
    connection.isFull = true
    writer.event('row', '2')
    const gone = writer.ready()
    connection.emit('close')
    await gone
    expect(writer.isClosed).toBe(true)
  })
})

describe('where a listener stands', () => {
  test('is an id that is read back', () => {
    const positions = new Map([
      [0, 41],
      [7, 0],
    ])
    expect(positionsId(positions)).toBe('0:41,7:0')
    expect(positionsOf(positionsId(positions))).toEqual(positions)
  })

  test.each([undefined, '', 'x', '0:1,x', '0:-1', '1', '0:1:2', '0:99999999999999999'])('is not told by %s', (id) => {
    expect(positionsOf(id).size).toBe(0)
  })
})
