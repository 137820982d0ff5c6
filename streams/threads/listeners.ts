import type { StandbyUpdateListener } from '../runtime/standby/standby-listener.ts'
import type { StateRestoreListener } from '../runtime/state/restore-listener.ts'
import type { ListenerCall } from './messages.ts'

/** Listeners of the user, which are called in the main thread whichever thread has the task. */
export interface UserListeners {
  readonly stateRestoreListener: StateRestoreListener | undefined
  readonly standbyUpdateListener: StandbyUpdateListener | undefined
}

type ListenerName = ListenerCall['listener']

const RESTORE_STEPS = ['onRestoreStart', 'onBatchRestored', 'onRestoreEnd', 'onRestoreSuspended'] as const
const STANDBY_STEPS = ['onUpdateStart', 'onBatchLoaded', 'onUpdateSuspended'] as const

/** Which of them a thread has to call. */
export function heardOf(listeners: UserListeners): readonly ListenerName[] {
  const names: readonly ListenerName[] = ['stateRestoreListener', 'standbyUpdateListener']
  return names.filter((name) => listeners[name] !== undefined)
}

/** What stands for them inside of a thread. */
export function listenersInThread(
  names: readonly ListenerName[],
  send: (call: ListenerCall) => void,
): { stateRestoreListener?: StateRestoreListener; standbyUpdateListener?: StandbyUpdateListener } {
  return {
    ...(names.includes('stateRestoreListener')
      ? {
          stateRestoreListener: restoreListener((step, event) =>
            send({ listener: 'stateRestoreListener', step, event }),
          ),
        }
      : {}),
    ...(names.includes('standbyUpdateListener')
      ? {
          standbyUpdateListener: standbyListener((step, event) =>
            send({ listener: 'standbyUpdateListener', step, event }),
          ),
        }
      : {}),
  }
}

/** Calls the user's listener with what a thread has told. */
export function callListener(listeners: UserListeners, { listener, step, event }: ListenerCall): void {
  const heard = listeners[listener] as Readonly<Record<string, ((event: object) => void) | undefined>> | undefined
  heard?.[step]?.(event)
}

function restoreListener(tell: (step: (typeof RESTORE_STEPS)[number], event: object) => void): StateRestoreListener {
  return Object.fromEntries(RESTORE_STEPS.map((step) => [step, (event: object) => tell(step, event)]))
}

function standbyListener(tell: (step: (typeof STANDBY_STEPS)[number], event: object) => void): StandbyUpdateListener {
  return Object.fromEntries(STANDBY_STEPS.map((step) => [step, (event: object) => tell(step, event)]))
}
