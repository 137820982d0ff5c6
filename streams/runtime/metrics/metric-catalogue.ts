import type { RecordingLevel } from '../../processors/node-metrics.ts'

export type { RecordingLevel }

export const RECORDING_LEVELS: readonly RecordingLevel[] = ['INFO', 'DEBUG', 'TRACE']

/** `counter` only grows, `gauge` goes up and down, `text` is not printed for Prometheus, `histogram` is printed for it alone. */
export type MetricKind = 'counter' | 'gauge' | 'text' | 'histogram'

export interface MetricSpec {
  readonly group: string
  readonly name: string
  readonly level: RecordingLevel
  readonly kind: MetricKind
  readonly tags: readonly string[]
  readonly description: string
  /** Kafka Streams has no such metric, or splits it up less. */
  readonly isOwn: boolean
}

type Row = readonly [name: string, level: RecordingLevel, description: string, details?: Details | undefined]
type Details = { readonly own?: true; readonly kind?: MetricKind; readonly tags?: readonly string[] }

const OWN: Details = { own: true }
/** Stands for the tag of a store, whose name begins with the kind of the store: `rocksdb-window-state-id`. */
export const STATE_ID = '<scope>-state-id'

const avgMax = (name: string, level: RecordingLevel, of: string, details?: Details): readonly Row[] => [
  [`${name}-avg`, level, `Average ${of}`, details],
  [`${name}-max`, level, `Largest ${of}`, details],
]
const avgMinMax = (name: string, level: RecordingLevel, of: string): readonly Row[] => [
  ...avgMax(name, level, of),
  [`${name}-min`, level, `Smallest ${of}`],
]
const throughput = (name: string, level: RecordingLevel, of: string, details?: Details): readonly Row[] => [
  [`${name}-rate`, level, `${of}, per second`, details],
  [`${name}-total`, level, of, details],
]
const storeCalls = (name: string, of = `calls to ${name}`): readonly Row[] => [
  [`${name}-rate`, 'DEBUG', `${of[0]?.toUpperCase()}${of.slice(1)}, per second`],
  ...avgMax(`${name}-latency`, 'DEBUG', `time of ${of}, ns`),
]
const group = (name: string, tags: readonly string[], rows: readonly Row[]): readonly MetricSpec[] =>
  rows.map(([metric, level, description, details = {}]) => ({
    group: name,
    name: metric,
    level,
    kind: details.kind ?? (metric.endsWith('-total') ? 'counter' : 'gauge'),
    tags: [...tags, ...(details.tags ?? [])],
    description,
    isOwn: details.own ?? false,
  }))

const GAUGE: Details = { kind: 'gauge' }
const TEXT: Details = { kind: 'text' }
const E2E = "ms between a record's time and the time at which the node has it"

/** What RocksDB tells of itself, under its own names. One database has all stores of a task, and the tag `rocksdb-state-id` is `all`. */
const ROCKSDB: readonly Row[] = [
  ['num-immutable-mem-table', 'INFO', 'Memtables that are not flushed yet'],
  ['cur-size-active-mem-table', 'INFO', 'Bytes of the active memtable'],
  ['cur-size-all-mem-tables', 'INFO', 'Bytes of the active and the unflushed memtables'],
  ['size-all-mem-tables', 'INFO', 'Bytes of all memtables, pinned ones too'],
  ['num-entries-active-mem-table', 'INFO', 'Entries of the active memtable'],
  ['num-entries-imm-mem-tables', 'INFO', 'Entries of the unflushed memtables'],
  ['num-deletes-active-mem-table', 'INFO', 'Deletions in the active memtable'],
  ['num-deletes-imm-mem-tables', 'INFO', 'Deletions in the unflushed memtables'],
  ['mem-table-flush-pending', 'INFO', '1 when a flush waits'],
  ['num-running-flushes', 'INFO', 'Flushes that run'],
  ['compaction-pending', 'INFO', '1 when a compaction waits'],
  ['num-running-compactions', 'INFO', 'Compactions that run'],
  ['estimate-pending-compaction-bytes', 'INFO', 'Bytes that compactions have still to write, about'],
  ['total-sst-files-size', 'INFO', 'Bytes of all files'],
  ['live-sst-files-size', 'INFO', 'Bytes of the files of the newest version'],
  ['num-live-versions', 'INFO', 'Versions that are in use'],
  ['block-cache-capacity', 'INFO', 'Bytes that the block cache may take'],
  ['block-cache-usage', 'INFO', 'Bytes that it takes'],
  ['block-cache-pinned-usage', 'INFO', 'Bytes of it that are pinned'],
  ['estimate-num-keys', 'INFO', 'Rows, about'],
  ['estimate-table-readers-mem', 'INFO', 'Bytes of indexes and filters outside of the block cache, about'],
  ['background-errors', 'INFO', 'Errors in the background'],
]

export const ROCKSDB_PROPERTIES: readonly string[] = ROCKSDB.map(([name]) => name)

/** Every metric that there is. The table in docs/operations.md is printed from it. */
export const METRICS: readonly MetricSpec[] = [
  ...group(
    'stream-metrics',
    ['client-id'],
    [
      ['version', 'INFO', 'Version of Brook', TEXT],
      ['application-id', 'INFO', 'The application id', TEXT],
      ['topology-description', 'INFO', 'The topology, as `describe()` prints it', TEXT],
      ['state', 'INFO', 'State of the client', TEXT],
      [
        'client-state',
        'INFO',
        'State of the client: 0 created, 1 rebalancing, 2 running, 3 pending shutdown, 4 not running, 5 pending error, 6 error',
        { tags: ['process-id', 'application-id'] },
      ],
      ['alive-stream-threads', 'INFO', 'Stream threads that run or take part in a rebalance'],
      ['failed-stream-threads', 'INFO', 'Stream threads that an error has ended', { kind: 'counter' }],
      ['recording-level', 'INFO', 'The recording level: 0 INFO, 1 DEBUG, 2 TRACE', { tags: ['process-id'] }],
    ],
  ),
  ...group(
    'stream-thread-metrics',
    ['thread-id'],
    [
      ...throughput('commit', 'INFO', 'Commits'),
      ...avgMax('commit-latency', 'INFO', 'time of a commit by the tasks in it, ms'),
      ['commit-latency-seconds', 'INFO', 'Times of commits', { own: true, kind: 'histogram' }],
      ...throughput('poll', 'INFO', 'Polls'),
      ...avgMax('poll-latency', 'INFO', 'time of a poll, waiting included, ms'),
      ...avgMax('poll-records', 'INFO', 'number of records that a poll gives'),
      ...throughput('process', 'INFO', 'Records processed'),
      ...avgMax('process-latency', 'INFO', 'time of a record, as a mean of its round, ms'),
      ...avgMax('process-records', 'INFO', 'number of records processed between two polls'),
      ...throughput('punctuate', 'INFO', 'Punctuations'),
      ...avgMax('punctuate-latency', 'INFO', 'time of a punctuation, ms'),
      ['poll-ratio', 'INFO', 'Part of the time that polls take'],
      ['process-ratio', 'INFO', 'Part of the time that processing takes'],
      ['punctuate-ratio', 'INFO', 'Part of the time that punctuations take'],
      ['commit-ratio', 'INFO', 'Part of the time that commits take'],
      ...throughput('task-created', 'INFO', 'Tasks opened'),
      ...throughput('task-closed', 'INFO', 'Tasks closed'),
      ...avgMax('tasks-assigned-latency', 'INFO', 'time of taking an assignment, ms'),
      ...avgMax('tasks-revoked-latency', 'INFO', 'time of giving tasks up before a rebalance, ms'),
      ...avgMax('tasks-lost-latency', 'INFO', 'time of dropping tasks that the group has given away, ms'),
      [
        'blocked-time-ns-total',
        'INFO',
        'Time that the thread has waited for Kafka: polls, acknowledgements, offsets, full buffers; ns',
      ],
      ['thread-start-time', 'INFO', 'When the thread was started, ms since the epoch'],
      ['state', 'INFO', 'State of the thread', TEXT],
      [
        'thread-state',
        'INFO',
        'State of the thread: 0 created, 1 starting, 2 partitions revoked, 3 partitions assigned, 4 running, 5 pending shutdown, 6 dead',
        { tags: ['process-id'] },
      ],
    ],
  ),
  ...group(
    'stream-task-metrics',
    ['thread-id', 'task-id'],
    [
      ['active-process-ratio', 'INFO', "Part of the thread's processing that goes to this task"],
      ...throughput(
        'dropped-records',
        'INFO',
        'Records that went no further, by node and reason (in Kafka Streams by task)',
        {
          tags: ['processor-node-id', 'reason'],
        },
      ),
      ['restore-remaining-records-total', 'INFO', 'Changelog offsets still to be restored', GAUGE],
      [
        'update-remaining-records-total',
        'INFO',
        'Changelog records that the standby copy is behind by',
        { own: true, kind: 'gauge' },
      ],
      ['uncommitted-entries', 'INFO', 'Changed rows that wait for the next commit', OWN],
      ...throughput('process', 'DEBUG', 'Records processed'),
      ...avgMax('process-latency', 'DEBUG', 'time of a record, ns'),
      ...throughput('punctuate', 'DEBUG', 'Punctuations'),
      ...avgMax('punctuate-latency', 'DEBUG', 'time of a punctuation, ns'),
      ...throughput(
        'enforced-processing',
        'DEBUG',
        'Times that a record was processed although another input was empty and `maxTaskIdleMs` over',
      ),
      ...avgMax('record-lateness', 'DEBUG', 'time that records are behind stream time, ms'),
      ['active-buffer-count', 'DEBUG', 'Records fetched and not yet processed'],
      ...throughput('restore', 'DEBUG', 'Records restored'),
      ...throughput('update', 'DEBUG', 'Records that the standby copy has taken in'),
    ],
  ),
  ...group(
    'stream-processor-node-metrics',
    ['thread-id', 'task-id', 'processor-node-id'],
    [
      ...avgMinMax('record-e2e-latency', 'INFO', `${E2E}; sources, and nodes without children`),
      ...throughput('process', 'DEBUG', 'Records processed; sources'),
      ...throughput('suppression-emit', 'DEBUG', 'Updates that `suppress` has sent on'),
      ...throughput('window-aggregate-final-emit', 'DEBUG', 'Results sent on window close'),
      ...avgMax('window-aggregate-final-emit-latency', 'DEBUG', 'time of sending what has closed, ms'),
    ],
  ),
  ...group(
    'stream-topic-metrics',
    ['thread-id', 'task-id', 'processor-node-id', 'topic'],
    [
      ['records-consumed-total', 'INFO', 'Records that a source has read'],
      [
        'bytes-consumed-total',
        'INFO',
        'Their bytes, as Kafka Streams counts them: key, value, headers, topic name and 20 more',
      ],
      ['records-produced-total', 'INFO', 'Records of a sink that were acknowledged'],
      ['bytes-produced-total', 'INFO', 'Their bytes'],
    ],
  ),
  ...group(
    'stream-state-metrics',
    ['thread-id', 'task-id', STATE_ID],
    [
      ...throughput('expired-window-record-drop', 'INFO', 'Puts that came after the retention of their store', OWN),
      ...storeCalls('put'),
      ...storeCalls('put-if-absent'),
      ...storeCalls('get'),
      ...storeCalls('fetch'),
      ...storeCalls('all'),
      ...storeCalls('range'),
      ...storeCalls('prefix-scan'),
      ...storeCalls('delete'),
      ...storeCalls('remove'),
      ...storeCalls('flush', 'encoding what has changed, for a commit'),
      ...storeCalls('restore', 'turning changelog records into rows'),
      ['num-open-iterators', 'DEBUG', 'Scans that are open'],
      ...avgMax('iterator-duration', 'DEBUG', 'time that a scan is open, ns'),
      ['oldest-iterator-open-since-ms', 'DEBUG', 'When the oldest open scan was begun, ms since the epoch'],
      ...avgMax('suppression-buffer-count', 'DEBUG', 'number of updates held back'),
      ...avgMax(
        'suppression-buffer-size',
        'DEBUG',
        'size of updates held back, bytes, where the buffer has a limit in bytes',
      ),
      ...avgMinMax('record-e2e-latency', 'TRACE', "ms between a record's time and its put"),
    ],
  ),
  ...group('stream-state-metrics', ['thread-id', 'task-id', STATE_ID], ROCKSDB),
  ...group(
    'stream-record-cache-metrics',
    ['thread-id', 'task-id', 'record-cache-id'],
    [...avgMinMax('hit-ratio', 'DEBUG', 'part of the reads of a store that need no disk, per sample')],
  ),
  ...group(
    'stream-state-updater-metrics',
    ['thread-id'],
    [
      ['active-restoring-tasks', 'INFO', 'Tasks that restore'],
      ['active-paused-tasks', 'INFO', 'Tasks that are restored and wait for the thread'],
      ['standby-updating-tasks', 'INFO', 'Standby copies that follow their changelogs'],
      ['standby-paused-tasks', 'INFO', 'Standby copies that do not, while the client is paused'],
      ['restore-records-rate', 'INFO', 'Records restored, of standby copies too, per second'],
      ['restore-call-rate', 'INFO', 'Batches restored, per second'],
    ],
  ),
  ...group(
    'consumer-fetch-manager-metrics',
    ['client-id'],
    [
      [
        'records-lag',
        'INFO',
        'Records that an input is behind its end; of the restore consumer, a changelog that a standby copy follows',
        { tags: ['topic', 'partition'] },
      ],
      ['records-lag-max', 'INFO', 'The largest of them'],
    ],
  ),
]

const BY_NAME = new Map(METRICS.map((spec) => [`${spec.group}/${spec.name}`, spec]))

/** `undefined`: there is no such metric. */
export function metricSpec(groupName: string, name: string): MetricSpec | undefined {
  return BY_NAME.get(`${groupName}/${name}`)
}

/** Whether what is of `level` is recorded at `recordingLevel`. */
export function isRecorded(level: RecordingLevel, recordingLevel: RecordingLevel): boolean {
  return RECORDING_LEVELS.indexOf(level) <= RECORDING_LEVELS.indexOf(recordingLevel)
}
