import { describe, expect, test } from 'vitest'
import { restoreProgressBar } from './restore-progress-bar.ts'

function make(isTTY: boolean) {
  const written: string[] = []
  const clock = { nowMs: 1_000 }
  const listener = restoreProgressBar({
    stream: { isTTY, columns: 120, write: (text) => written.push(text) },
    nowMs: () => clock.nowMs,
  })
  const event = (store: string, endingOffset = 1_000) => ({
    taskId: '0_0',
    store,
    topic: `app-${store}-changelog`,
    partition: 0,
    startingOffset: 0,
    endingOffset,
  })
  const batch = (store: string, batchEndOffset: number, numRestored: number) =>
    listener.onBatchRestored?.({ ...event(store), batchEndOffset, numRestored })
  const end = (store: string) => listener.onRestoreEnd?.({ ...event(store), totalRestored: 0 })
  return { listener, written, clock, event, batch, end, last: () => written.at(-1)?.replace('\r\u001b[2K', '') }
}

describe('on a terminal', () => {
  test('one line is written over, with all stores as one, and replaced by what it was in the end', () => {
    const { listener, clock, event, batch, end, last, written } = make(true)
    listener.onRestoreStart?.(event('a'))
    listener.onRestoreStart?.(event('b'))
    clock.nowMs += 1_000
    batch('a', 1_000, 900)
    expect(last()).toBe(
      `restoring 0 of 2 stores  ${'█'.repeat(12)}${' '.repeat(12)} 50 %  900 records  900/s  1 s left`,
    )
    end('a')
    clock.nowMs += 100
    batch('b', 500, 500)
    expect(last()).toContain('restoring 1 of 2 stores')
    expect(last()).toContain('75 %  1,400 records')
    clock.nowMs += 900
    batch('b', 1_000, 400)
    end('b')
    expect(last()).toBe('restored 2 stores: 1,800 records in 2.0 s (900/s)\n')
    expect(written.every((text) => text.startsWith('\r\u001b[2K'))).toBe(true)
  })

  test('is not drawn more often than a person can see', () => {
    const { listener, clock, event, batch, written } = make(true)
    listener.onRestoreStart?.(event('a'))
    for (let offset = 1; offset <= 100; offset++) {
      clock.nowMs += 10
      batch('a', offset, 1)
    }
    expect(written).toHaveLength(10)
  })

  test('what goes elsewhere before its end leaves nothing behind', () => {
    const { listener, clock, event, batch, last } = make(true)
    listener.onRestoreStart?.(event('a'))
    clock.nowMs += 500
    batch('a', 100, 100)
    listener.onRestoreSuspended?.({ ...event('a'), totalRestored: 100 })
    expect(last()).toBe('')
  })
})

describe('elsewhere', () => {
  test('a line comes now and then, and one at the end; a later restore begins anew', () => {
    const { listener, clock, event, batch, end, written } = make(false)
    for (let round = 0; round < 2; round++) {
      listener.onRestoreStart?.(event('a'))
      for (const offset of [250, 500, 750, 1_000]) {
        clock.nowMs += 5_000
        batch('a', offset, 250)
      }
      end('a')
    }
    const lines = [
      'restoring 0 of 1 stores  50 %  500 records  50/s  10 s left\n',
      'restoring 0 of 1 stores  100 %  1,000 records  50/s\n',
      'restored 1 store: 1,000 records in 20.0 s (50/s)\n',
    ]
    expect(written).toEqual([...lines, ...lines])
  })

  test('a short one is one line', () => {
    const { listener, clock, event, batch, end, written } = make(false)
    listener.onRestoreStart?.(event('a'))
    clock.nowMs += 300
    batch('a', 1_000, 1_000)
    end('a')
    expect(written).toEqual(['restored 1 store: 1,000 records in 0.3 s (3,333/s)\n'])
  })
})
