import type { ClientState } from '../runtime/client/client-state.ts'

/** The client runs when all its threads do. @see org.apache.kafka.streams.processor.internals.GlobalStreamThread, KafkaStreams.StreamStateListener */
export function isClientRunning(threads: readonly ClientState[]): boolean {
  return threads.length > 0 && threads.every((state) => state === 'RUNNING')
}

/** The lowest number that no thread has: the name of a thread that was removed is given again. */
export function nextThreadIndex(taken: readonly number[]): number {
  let index = 1
  while (taken.includes(index)) index++
  return index
}

export function threadName(applicationId: string, index: number): string {
  return `${applicationId}-StreamThread-${index}`
}
