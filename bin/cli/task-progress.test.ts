import { describe, expect, test } from 'vitest'
import { createOutput } from './output.ts'
import { progressOf, progressText, type ToldTasks, UNKNOWN_PROGRESS } from './task-progress.ts'

const told: ToldTasks = {
  tasks: [
    { taskId: '0_0', state: 'running', inputs: ['in-0'], offsets: [{ lag: 3 }, { lag: 4 }], restores: [] },
    { taskId: '0_1', state: 'running', inputs: ['in-1'], offsets: [{ lag: 3 }, {}] },
    {
      taskId: '0_2',
      state: 'restoring',
      inputs: ['in-2'],
      offsets: [],
      restores: [
        { startingOffset: 500, restoredOffset: 1_000, endOffset: 1_500 },
        { startingOffset: 0, restoredOffset: 250, endOffset: 2_000 },
      ],
    },
    { taskId: '0_3', state: 'created', inputs: [] },
  ],
  standbyTasks: [{ taskId: '1_0', lag: 12 }, { taskId: '1_1' }],
}

test.each([
  ['0_0', true, { state: 'running', lag: 7, restore: null }, 'lag 7'],
  ['0_1', true, { state: 'running', lag: null, restore: null }, undefined],
  ['0_2', true, { state: 'restoring', lag: null, restore: { restored: 750, total: 3_000 } }, '█    25 % of 3,000'],
  ['0_3', true, { state: 'created', lag: null, restore: null }, undefined],
  ['1_0', false, { state: 'following', lag: 12, restore: null }, 'lag 12'],
  ['1_1', false, { state: 'following', lag: null, restore: null }, undefined],
  ['0_0', false, UNKNOWN_PROGRESS, undefined],
  ['9_9', true, UNKNOWN_PROGRESS, undefined],
] as const)('task %s (active: %s)', (taskId, isActive, progress, text) => {
  expect(progressOf(told, taskId, isActive)).toEqual(progress)
  expect(progressText(progress, 4)).toBe(text)
})

test('of an instance that did not answer nothing is known', () => {
  expect(progressOf(undefined, '0_0', true)).toEqual(UNKNOWN_PROGRESS)
})

describe('redrawing', () => {
  function output(isTerminal: boolean) {
    const written: string[] = []
    const out = (text: string) => written.push(text)
    return { made: createOutput({ out, err: () => {}, isTerminal, columns: () => 5 }, false), written }
  }

  test('on a terminal takes the place of what was there', () => {
    const { made, written } = output(true)
    made.redraw('a\nb23456', false)
    made.redraw('c', true)
    expect(written).toEqual(['a\nb2345\n', '\u001b[2F\u001b[J', 'c\n'])
  })

  test('elsewhere says the last one alone', () => {
    const { made, written } = output(false)
    made.redraw('a\nb', false)
    made.redraw('c23456', true)
    expect(written).toEqual(['c23456\n'])
  })
})
