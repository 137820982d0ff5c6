import type { ZwaveListener } from '../driver.ts'

/** Hears everything and does nothing, but for `changes`. */
export function deafListener(changes: Partial<ZwaveListener> = {}): ZwaveListener {
  return {
    value() {},
    nodeState() {},
    nodeInfo() {},
    nodeAdded() {},
    nodeRemoved() {},
    inclusion() {},
    dropped() {},
    failure() {},
    ...changes,
  }
}
