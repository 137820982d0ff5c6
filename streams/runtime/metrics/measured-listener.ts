import type { RebalanceListener } from '../../../kafka/port.ts'
import type { Stat } from './sensors.ts'
import type { ThreadMetrics } from './thread-metrics.ts'

/** The listener, with a record of how long it takes. @see org.apache.kafka.streams.processor.internals.metrics.RebalanceListenerMetrics */
export function measuredListener(listener: RebalanceListener, metrics: ThreadMetrics): RebalanceListener {
  const timed = async (stat: Stat, answer: Promise<void>): Promise<void> => {
    const startedMs = performance.now()
    try {
      await answer
    } finally {
      stat.record(performance.now() - startedMs)
    }
  }
  return {
    onAssigned: (partitions) => timed(metrics.tasksAssigned, listener.onAssigned(partitions)),
    onRevoked: (partitions) => timed(metrics.tasksRevoked, listener.onRevoked(partitions)),
    onLost: (partitions) => timed(metrics.tasksLost, listener.onLost(partitions)),
  }
}
