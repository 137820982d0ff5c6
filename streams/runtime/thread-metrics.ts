import type { Metrics } from '../../common/metrics.ts'
import type { DropReason } from '../processors/processor.ts'

/** The metrics of the stream threads, under Kafka Streams' group and attribute names as its Prometheus exporters print them. */
export class ThreadMetrics {
  readonly processed
  readonly commitLatency
  readonly #dropped
  readonly #restored
  readonly #expired

  constructor(metrics: Metrics) {
    this.processed = metrics.counter('kafka_streams_stream_thread_metrics_process_total', 'Records processed')
    this.commitLatency = metrics.histogram(
      'kafka_streams_stream_thread_metrics_commit_latency_seconds',
      'Duration of commits',
      [],
      [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    )
    this.#dropped = metrics.counter(
      'kafka_streams_stream_task_metrics_dropped_records_total',
      'Records that went no further, by reason',
      ['task_id', 'processor_node_id', 'reason'],
    )
    this.#restored = metrics.gauge(
      'kafka_streams_stream_task_metrics_restore_remaining_records',
      'Offsets still to be restored',
      ['task_id', 'store'],
    )
    this.#expired = metrics.counter(
      'kafka_streams_stream_state_metrics_expired_window_record_drop_total',
      'Puts that came after the retention of their store',
      ['task_id', 'state_id'],
    )
  }

  dropped(taskId: string, node: string, reason: DropReason): void {
    this.#dropped.inc({ task_id: taskId, processor_node_id: node, reason })
  }

  expired(taskId: string, store: string): void {
    this.#expired.inc({ task_id: taskId, state_id: store })
  }

  restoring(taskId: string, store: string, remaining: number): void {
    this.#restored.set({ task_id: taskId, store }, Math.max(0, remaining))
  }
}
