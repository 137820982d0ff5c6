import { beforeEach, expect, test } from 'vitest'
import { type Flood, FloodWatch } from './flood-watch.ts'

const START_MS = 1_700_000_000_000
let told: Flood[]
let watch: FloodWatch

beforeEach(() => {
  told = []
  watch = new FloodWatch({ perSecond: 100, onFlood: (flood) => void told.push(flood) })
})

function second(number: number, messages: Readonly<Record<string, number>>): void {
  for (const [source, count] of Object.entries(messages))
    for (let i = 0; i < count; i++) watch.seen(source, START_MS + number * 1_000 + (i % 1_000))
}

test('names who floods, once, for as long as it goes on', () => {
  second(0, { calm: 100, wild: 101 })
  expect(told).toEqual([])
  second(1, { wild: 5_000 })
  expect(told).toEqual([{ source: 'wild', perSecond: 101, sinceMs: START_MS }])
  expect(watch.floods(START_MS + 2_000)).toEqual([{ source: 'wild', perSecond: 5_000, sinceMs: START_MS }])
  expect(told).toHaveLength(1)
  second(2, { wild: 3 })
  expect(watch.floods(START_MS + 3_000)).toEqual([])
  second(3, { wild: 101 })
  second(4, { calm: 1 })
  expect(told).toHaveLength(2)
})

test('a flood that ended in silence is over when somebody asks', () => {
  second(0, { wild: 200 })
  expect(watch.floods(START_MS + 1_000)).toHaveLength(1)
  expect(watch.floods(START_MS + 60_000)).toEqual([])
})

test('a clock that is set back starts a new second', () => {
  second(10, { wild: 200 })
  watch.seen('wild', START_MS)
  expect(watch.floods(START_MS + 500)).toEqual([])
})

test('counts a bounded number of sources', () => {
  for (let i = 0; i < 20_000; i++) watch.seen(`topic-${i}`, START_MS)
  second(0, { late: 1_000 })
  expect(watch.floods(START_MS + 1_000)).toEqual([])
})
