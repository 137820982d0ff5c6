import { setTimeout as sleep } from 'node:timers/promises'
import type { PositionBound } from './position.ts'
import type { StoreParts } from './store-parts.ts'

const LOOK_EVERY_MS = 10

export interface WaitOptions {
  /** Default 1 s. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

export async function waitForBound(
  parts: StoreParts,
  store: string,
  partitions: readonly number[],
  bound: PositionBound,
  { timeoutMs = 1_000, signal }: WaitOptions = {},
): Promise<boolean> {
  parts.builder(store)
  parts.checkBound(store, bound.position)
  if (bound.isUnbounded) return true
  const deadline = performance.now() + timeoutMs
  for (;;) {
    parts.checkRuns(store)
    let isMet = true
    for (const partition of partitions) {
      const part = parts.part(store, partition)
      if (part === undefined) return false
      if (part !== 'restoring' && bound.isMetBy(part.position(), part.inputPartition)) continue
      isMet = false
      if (part !== 'restoring') part.hasten()
    }
    if (isMet) return true
    if (signal?.aborted || performance.now() >= deadline) return false
    await sleep(LOOK_EVERY_MS)
  }
}
