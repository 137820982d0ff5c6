import { expect, test } from 'vitest'
import * as fc from '../test/support/property.ts'
import { OffsetTracker } from './offset-tracker.ts'

test('an offset is due once everything before it has ended', () => {
  const tracker = new OffsetTracker(10, 10)
  for (const offset of [10, 11, 12]) tracker.begin(offset)
  tracker.passed(15)
  expect(tracker.due()).toBeUndefined()
  tracker.end(11)
  expect(tracker.due()).toBeUndefined()
  tracker.end(10)
  expect(tracker.due()).toBe(12)
  tracker.committed(12)
  expect(tracker.due()).toBeUndefined()
  tracker.end(12)
  expect(tracker.due()).toBe(15)
})

test('where nothing is committed the start itself is due, so that the next start begins there', () => {
  const tracker = new OffsetTracker(7, undefined)
  expect(tracker.due()).toBe(7)
})

test('never commits past a record that has not ended, whatever the order', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(50), { minLength: 1 }).map((offsets) => offsets.sort((a, b) => a - b)),
      fc.infiniteStream(fc.nat()),
      (offsets, chance) => {
        const tracker = new OffsetTracker(0, 0)
        for (const offset of offsets) tracker.begin(offset)
        const open = [...offsets]
        while (open.length > 0) {
          const [ended] = open.splice((chance.next().value as number) % open.length, 1)
          tracker.end(ended as number)
          const due = tracker.due()
          if (due !== undefined) {
            expect(due).toBe(open[0] ?? (offsets.at(-1) as number) + 1)
            tracker.committed(due)
          }
        }
        expect(tracker.unfinished).toBe(0)
      },
    ),
  )
})
