import { expect, test } from 'vitest'
import type { RestoreEvent, StandbyUpdateListener } from '../index.ts'
import { callListener, heardOf, listenersInThread, type UserListeners } from './listeners.ts'
import type { ListenerCall } from './messages.ts'

const restored: RestoreEvent & { totalRestored: number } = {
  taskId: '0_0',
  store: 'rows',
  topic: 'app-rows-changelog',
  partition: 0,
  startingOffset: 0,
  endingOffset: 9,
  totalRestored: 9,
}
const suspended = { taskId: '0_1', store: 'rows', topic: 'app-rows-changelog', partition: 1, storeOffset: 7 } as const

class Listening implements StandbyUpdateListener {
  readonly seen: unknown[] = []
  onUpdateSuspended(event: object): void {
    this.seen.push(event)
  }
}

test('what happens in a thread is told to the listeners of the program, those that there are', () => {
  const restores: unknown[] = []
  const standbyUpdateListener = new Listening()
  const listeners: UserListeners = {
    stateRestoreListener: { onRestoreEnd: (event) => restores.push(event) },
    standbyUpdateListener,
  }
  const crossing = (call: ListenerCall): void => callListener(listeners, structuredClone(call))
  const inThread = listenersInThread(heardOf(listeners), crossing)
  inThread.stateRestoreListener?.onRestoreStart?.(restored)
  inThread.stateRestoreListener?.onRestoreEnd?.(restored)
  inThread.standbyUpdateListener?.onUpdateStart?.({ ...suspended, startingOffset: 0 })
  inThread.standbyUpdateListener?.onUpdateSuspended?.({ ...suspended, reason: 'PROMOTED' })
  expect(restores).toEqual([restored])
  expect(standbyUpdateListener.seen).toEqual([{ ...suspended, reason: 'PROMOTED' }])
})

test('a thread calls none where the program has none', () => {
  const none: UserListeners = { stateRestoreListener: undefined, standbyUpdateListener: undefined }
  expect(heardOf(none)).toEqual([])
  expect(listenersInThread([], () => {})).toEqual({})
})
