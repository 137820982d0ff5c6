import type { Clock } from '../../common/clock.ts'
import type { RecordingLevel } from '../runtime/metrics/metric-catalogue.ts'
import { type StreamsMetric, StreamsMetrics } from '../runtime/metrics/streams-metrics.ts'
import { TaskMetrics } from '../runtime/metrics/task-metrics.ts'
import { GLOBAL_TASK_ID } from '../runtime/task/global-task.ts'

/** The metrics of the driver's tasks, by its wall clock. There is no thread: what is about threads is not told. */
export class DriverMetrics {
  readonly #registry: StreamsMetrics
  #tasks: TaskMetrics[] = []

  constructor(level: RecordingLevel | undefined, clock: Clock) {
    this.#registry = new StreamsMetrics({ level: level ?? 'INFO', nowMs: () => clock.nowMs() })
  }

  all(): readonly StreamsMetric[] {
    return this.#registry.own()
  }

  global(): TaskMetrics {
    return this.#make(GLOBAL_TASK_ID)
  }

  task(taskId: string): TaskMetrics {
    const metrics = this.#make(taskId)
    this.#tasks.push(metrics)
    return metrics
  }

  /** The tasks are closed. */
  closeTasks(): void {
    for (const metrics of this.#tasks) metrics.close()
    this.#tasks = []
  }

  #make(taskId: string): TaskMetrics {
    return new TaskMetrics({ registry: this.#registry, threadName: 'TopologyTestDriver', taskId })
  }
}
