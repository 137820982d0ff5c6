import { describe, expect, it } from 'vitest'
import type { LogRecord } from '../../kafka/port.ts'
import { judge, zombieWrites } from './tally-model.ts'
import { OWNER } from './tally-topology.ts'

const record = (key: string, value: string, timestampMs = 0, owner = 'one'): LogRecord => ({
  key: Buffer.from(key),
  value: Buffer.from(value),
  timestampMs,
  offset: 0,
  headers: [{ key: OWNER, value: Buffer.from(owner) }],
})

/** Three readings of a meter, the last one in another window. */
const readings = [
  [record('meter-1', '1:5', 1_000), record('meter-1', '2:6', 2_000), record('meter-1', '3:7', 11_000)],
  [record('meter-2', '1:1', 1_000)],
]
const sums = [[record('room-1@0', '5'), record('room-1@0', '11'), record('room-1@10000', '7'), record('room-2@0', '1')]]
const total = (...values: string[]) => [values.map((value) => record('room-1', value)), [record('room-2', '1:1')]]
const judged = (totals: LogRecord[][], guarantee: 'exactly_once' | 'at_least_once', itsSums = sums) =>
  judge({ readings, totals, sums: itsSums }, guarantee)

describe('under exactly once, the verdict on what came out', () => {
  const problemsOf = (...totals: string[]) => judged(total(...totals), 'exactly_once').problems

  it('is good where every reading was counted once and in order', () => {
    expect(judged(total('1:1', '2:2', '3:3'), 'exactly_once')).toEqual({ problems: [], inputs: 4, repeated: 0 })
  })

  it.each([
    ['a result that is missing at the end', ['1:1', '2:2'], 'result 3 is missing, not 3:3'],
    ['one that is missing between', ['1:1', '3:3'], 'result 2 is 3:3, not 2:2'],
    ['a reading that was left out of the count', ['1:1', '2:3'], 'result 2 is 2:3, not 2:2'],
    ['a doubled result', ['1:1', '2:2', '2:2', '3:3'], 'result 3 is 2:2, not 3:3'],
    ['a reading that was counted twice', ['1:1', '2:2', '3:2', '4:3'], 'result 3 is 3:2, not 3:3'],
    ['a result too many', ['1:1', '2:2', '3:3', '4:4'], 'result 4 is 4:4, not there'],
  ])('names %s', (_what, totals, problem) => {
    expect(problemsOf(...totals)).toEqual([expect.stringContaining(`totals of room-1: ${problem}`)])
  })

  it('names keys without input, and windows that are wrong', () => {
    const foreign = [...total('1:1', '2:2', '3:3'), [record('room-9', '1:1')]]
    expect(judged(foreign, 'exactly_once').problems).toEqual(['totals of room-9, which had no input'])
    const halved = [[record('room-1@0', '5'), record('room-1@10000', '7'), record('room-2@0', '1')]]
    expect(judged(total('1:1', '2:2', '3:3'), 'exactly_once', halved).problems).toEqual([
      expect.stringContaining('sums of room-1@0: result 2 is missing'),
    ])
  })
})

describe('under at least once, the verdict on what came out', () => {
  it('is good where readings were counted again', () => {
    const { problems, repeated } = judged(total('1:1', '2:2', '3:2', '4:3'), 'at_least_once')
    expect(problems).toEqual([])
    expect(repeated).toBe(1)
  })

  it('names a reading that is in no total, and one that a state has lost', () => {
    expect(judged(total('1:1', '3:3', '4:3'), 'at_least_once').problems).toEqual(['reading 2 of room-1 is in no total'])
    expect(judged(total('1:1', '2:2', '1:3'), 'at_least_once').problems).toEqual([
      'room-1 counted 1 at its reading 3',
      'room-1 ends at 1 of 3',
    ])
  })

  it('names a window that is short', () => {
    const short = [[record('room-1@0', '11'), record('room-1@10000', '6'), record('room-2@0', '1')]]
    expect(judged(total('1:1', '2:2', '3:3'), 'at_least_once', short).problems).toEqual([
      'the sum of room-1@10000 ends at 6 of 7',
    ])
  })
})

describe('writes of zombies', () => {
  const written = (...owners: string[]) => zombieWrites([owners.map((owner) => record('room-1', '1:1', 0, owner))])

  it('are those of an owner after another one', () => {
    expect(written('one', 'one', 'two', 'three', 'three')).toEqual([])
    expect(written('one', 'two', 'one', 'two')).toEqual(['one wrote offset 0 of partition 0 after two'])
  })
})
