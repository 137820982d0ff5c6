import { expect, test } from 'vitest'
import type { ClientState } from '../runtime/client/client-state.ts'
import { isClientRunning, nextThreadIndex, threadName } from './thread-states.ts'

test.each<[states: ClientState[], running: boolean]>([
  [[], false],
  [['RUNNING'], true],
  [['RUNNING', 'RUNNING'], true],
  [['RUNNING', 'REBALANCING'], false],
  [['CREATED', 'RUNNING'], false],
  [['RUNNING', 'PENDING_ERROR'], false],
])('a client whose threads are %j runs: %s', (states, running) => expect(isClientRunning(states)).toBe(running))

test.each([
  [[], 1],
  [[1, 2], 3],
  [[1, 3], 2],
  [[2, 3], 1],
])('beside threads %j comes number %i', (taken, next) => expect(nextThreadIndex(taken)).toBe(next))

test('threads are named as those of Kafka Streams', () => expect(threadName('app', 2)).toBe('app-StreamThread-2'))
