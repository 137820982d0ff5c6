/**
 * The rules that re-implementations of Kafka Streams get wrong, and where each is held. `scenarios` are recordings of Kafka Streams,
 * `<area>/<name>`, a star at the end for all that begin so; `tests` are `<file>: <title>` of tests that need more than a driver.
 */
export interface RuleProof {
  readonly says: string
  readonly scenarios?: readonly string[]
  readonly tests?: readonly string[]
}

const GROUP = 'streams/runtime/task/partition-group.test.ts'
const QUEUE = 'streams/runtime/task/record-queue.test.ts'
const METADATA = 'streams/runtime/task/partition-metadata.test.ts'
const PUNCTUATION = 'streams/runtime/task/punctuation.test.ts'
const TOPICS = 'streams/runtime/group/internal-topics.test.ts'
const RECOVERY = 'streams/runtime/thread/thread-recovery.test.ts'
const CRASH = 'test/fault/commit-crash.test.ts'
const WINDOW_STORES = 'stores/contract/window-contract.ts'
const VERSIONED_STORES = 'stores/contract/versioned-contract.ts'
const FORWARDER = 'streams/processors/tables/table-forwarder.test.ts'
const KEYS = 'stores/window/key-layouts.test.ts'

export const RULE_PROOFS: Readonly<Record<number, RuleProof>> = {
  1: {
    says: 'stream time is the highest time of the records taken, and windowed operators have one of what reaches them',
    scenarios: ["rules/rule-01-a-filter-delays-the-operator's-time", 'processors/clocks'],
    tests: [
      'streams/dsl/windows/emit-strategy.test.ts: has moved time for good: after a restart (state %s) the same is late',
    ],
  },
  2: {
    says: 'the lowest head is next; a partition keeps the order of its offsets',
    tests: [`${GROUP}: takes the lowest head, in offset order within a partition`],
  },
  3: {
    says: 'a task waits for an empty partition until it is known to have nothing, and as long beyond as it is told',
    tests: [
      `${GROUP}: waits while it is not known whether an empty partition has more`,
      `${GROUP}: goes on when the empty partition has nothing more`,
      `${GROUP}: waits beyond that for as long as it is told, counted from the first sight of nothing to fetch`,
    ],
  },
  4: {
    says: 'a record is decoded when it becomes head; a negative extracted time drops it, a negative one of its own fails',
    scenarios: ['rules/rule-04-a-negative-time-fails', 'rules/rule-04-a-negative-extracted-time-is-dropped'],
    tests: [`${QUEUE}: decodes a record only when it becomes head`],
  },
  5: {
    says: 'records that cannot be read are passed over by the offset that is committed, also when nothing else is there',
    tests: [
      `${QUEUE}: stands after the last record when all of them were unreadable`,
      'streams/runtime/task/dropped-records.test.ts: are written in the commit that passes the dropped records over, at the end of a partition too',
    ],
  },
  6: {
    says: 'the extractor is told the highest time so far of its partition, which is committed beside the offset',
    scenarios: ['rules/rule-06-the-extractor-is-told-the-highest-time-so-far'],
    tests: [
      `${QUEUE}: tells the extractor the highest time so far of its partition`,
      `${METADATA}: the partition time that is committed beside an offset`,
      'test/oracle/bytes.test.ts: partition-metadata',
    ],
  },
  7: {
    says: 'how far windows were sent on close is committed beside the offsets of all inputs',
    tests: [
      'streams/runtime/task/window-close.test.ts: goes on after a restart where it was: %s',
      `${METADATA}: found on several inputs: the higher one counts`,
      'test/oracle/restarts.test.ts: restarts and evictions: %s',
    ],
  },
  8: {
    says: 'the offset that is committed is that of the head, or the one after the last record, markers included',
    tests: [`${QUEUE}: stands at the offset of its head, or after everything it was given (gaps included)`],
  },
  9: {
    says: 'punctuations: the first call, the phase, missed calls as one, told the time that is now, cancelled from inside',
    scenarios: ['processors/stream-time-*', 'processors/wall-clock-*', 'processors/scheduled-in-process'],
    tests: [
      `${PUNCTUATION}: missed calls collapse into one`,
      `${PUNCTUATION}: calls nothing that was cancelled, also from inside the call`,
    ],
  },
  10: {
    says: 'a punctuation has no record: no metadata, and the time that it is called with',
    scenarios: ['processors/two-clocks'],
    tests: [
      'streams/testing/topology-test-driver.test.ts: runs wall clock punctuations when it is moved, and stream time ones as records come',
      'streams/dsl/suppress.test.ts: has no origin when it was made in a punctuation, and comes back all the same',
    ],
  },
  11: {
    says: 'which aggregations drop null keys and which null values too',
    scenarios: [
      'rules/rule-11-null-keys-and-values',
      'sessions/rule-11-null-keys-and-values',
      'sliding/rule-11-null-keys-and-values',
    ],
  },
  12: { says: 'an aggregate has the later time of record and aggregate', scenarios: ['rules/rule-12-the-later-time'] },
  13: {
    says: 'until when a window is open, to the millisecond, by kind',
    scenarios: [
      'rules/rule-13-a-window-closes-with-its-end-grace',
      'rules/rule-13-a-window-closes-with-its-end-no-grace',
      'sessions/rule-13-closed-by-its-own-time',
      'sliding/rule-13-the-end-is-inside-grace-*',
    ],
  },
  14: {
    says: 'a record may be late for one hopping window and not for the next; each is a drop',
    scenarios: ['rules/rule-14-late-for-one-window-and-not-for-the-next'],
  },
  15: { says: 'time moves before windows are checked', scenarios: ['rules/rule-15-time-moves-before-the-check'] },
  16: {
    says: 'starts of hopping windows, none before the epoch',
    scenarios: ['rules/rule-16-window-starts'],
    tests: ['streams/dsl/windows/windows.test.ts: hopping, near the epoch: no window before it'],
  },
  17: {
    says: 'sessions merge, oldest first, with a tombstone for each but the one that stays',
    scenarios: [
      'sessions/rule-17-merges-two',
      'sessions/rule-17-merges-three',
      'sessions/rule-17-gap-is-inclusive',
      'sessions/rule-17-one-point',
    ],
  },
  18: { says: 'session results have the time of its end', scenarios: ['sessions/rule-18-time-is-the-end'] },
  19: {
    says: 'a late record that reaches into a live session is taken',
    scenarios: ['sessions/rule-19-late-into-a-live-session'],
  },
  20: {
    says: 'the windows of a sliding aggregation, near the epoch and out of order too',
    scenarios: ['sliding/rule-20-windows-of-each-record-*', 'sliding/rule-20-early-*'],
  },
  21: {
    says: 'how long stores keep rows by default; less is refused',
    scenarios: ['sliding/rule-21-windows-at-the-edge-of-retention'],
    tests: [
      'streams/dsl/streams-builder.test.ts: retention below what windows need',
      'streams/dsl/windows/session-windowed-kstream.test.ts: need a store that keeps sessions for gap and grace',
      'streams/dsl/windows/sliding-windows.test.ts: need a retention of twice the difference and the grace',
      `${TOPICS}: have the configs that Kafka Streams gives them`,
    ],
  },
  22: {
    says: 'a window store hides and refuses what is older than its retention',
    tests: [`${WINDOW_STORES}: hides and drops windows that start at or before stream time - retention`],
  },
  23: {
    says: 'the old row leaves a group before the new one comes; nothing is taken from no aggregate',
    scenarios: ['rules/rule-23-the-old-row-leaves-first', 'rules/rule-23-no-subtraction-from-nothing'],
  },
  24: {
    says: 'a table is regrouped by one record or by two, and in these bytes',
    scenarios: ['rules/rule-24-one-record-or-two'],
    tests: ['test/oracle/bytes.test.ts: changes'],
  },
  25: {
    says: 'old values are sent only where somebody downstream asks',
    scenarios: ['rules/rule-25-somebody-downstream-wants-old-values'],
    tests: [`${FORWARDER}: old values are left out when nobody asked`],
  },
  26: {
    says: 'a filtered table sends a tombstone, unless the old row is known not to have matched',
    scenarios: [
      'rules/rule-26-a-row-that-stops-matching-old-values-known',
      'rules/rule-26-a-row-that-stops-matching-old-values-unknown',
    ],
  },
  27: {
    says: 'mapValues is not called for tombstones, transformValues is',
    scenarios: [
      'rules/rule-27-no-call-for-a-tombstone',
      'transform-values/hand-nulls',
      'transform-values/hand-nulls-kept',
    ],
  },
  28: {
    says: 'a table drops null keys, and takes an older update',
    scenarios: ['rules/rule-28-null-keys-and-older-updates'],
  },
  29: {
    says: 'a versioned table refuses what is older than its history; updates that are not the newest change no join or group',
    scenarios: ['versioned/table-10', 'versioned/list-inner-both', 'versioned/list-inner-short', 'versioned/group-by'],
    tests: ['streams/dsl/versioned.test.ts: says of each update whether it is the newest of its row'],
  },
  30: {
    says: 'what can be read as of a time: versions within the history, and the newest for ever',
    scenarios: ['versioned/list-stream', 'versioned/list-stream-short', 'versioned/list-history'],
    tests: [`${VERSIONED_STORES}: keeps no more than what is valid now with a history of nothing`],
  },
  31: {
    says: 'a table join sends tombstones when the other side is there, and nothing when it is not',
    scenarios: ['rules/rules-31-32-table-join-inner*'],
  },
  32: {
    says: 'left and outer table joins swallow what neither side has',
    scenarios: ['rules/rules-31-32-table-join-left*', 'rules/rules-31-32-table-join-outer*'],
  },
  33: {
    says: 'the result of a join has no history, whatever its sides have',
    scenarios: ['versioned/stream-join-of-join', 'versioned/stream-left-join-of-join', 'versioned/join-inner-group'],
  },
  34: {
    says: 'what a foreign-key join asks the other side for, by old and new foreign key',
    scenarios: ['foreign-keys/plain-*', 'foreign-keys/foreign-keys-that-begin-alike-*', 'foreign-keys/unsubscribed-*'],
    tests: ['streams/processors/joins/foreign-key/subscription-send.test.ts: subscriptions of a '],
  },
  35: {
    says: 'an answer to an older row is dropped, by the hash of its bytes',
    scenarios: ['foreign-keys/unchanged-value-*'],
    tests: [
      'streams/processors/joins/foreign-key/response-join.test.ts: to an older row is dropped and counted (%s)',
      'streams/dsl/joins/foreign-key-joins.test.ts: hashes values and writes keys for topics of its own',
      'test/oracle/bytes.test.ts: murmur3',
    ],
  },
  36: {
    says: 'an answer goes to the partition that the row came from',
    tests: [
      'streams/runtime/task/foreign-key-join.test.ts: sends answers where the row is, however its topic is partitioned (rule 36)',
    ],
  },
  37: {
    says: 'null values join nothing; null keys with a value are results of left and outer joins',
    scenarios: ['rules/rule-37-null-keys-and-values-*', 'rules/rule-46-only-the-stream-speaks'],
  },
  38: {
    says: 'the edges of a join window, mirrored for the other side',
    scenarios: ['rules/rule-38-the-edges-of-the-window-*'],
  },
  39: {
    says: 'records of one key and time are all kept',
    scenarios: ['rules/rule-39-duplicates-*'],
    tests: [`${WINDOW_STORES}: keeps every put of the same key and start, in their order`],
  },
  40: { says: 'a record is joined before it is kept', scenarios: ['rules/rule-40-join-first-then-keep'] },
  41: {
    says: 'records without a partner: when, in which order, with which time, and how often they are looked for',
    scenarios: ['rules/rule-41-records-without-a-partner-in-order-*'],
    tests: [
      'streams/processors/joins/stream-stream-join.test.ts: are sent when their window has closed, by time, then right before left, then key',
      'streams/processors/joins/stream-stream-join.test.ts: are looked for at most once per interval of the wall clock',
    ],
  },
  42: {
    says: 'a record without a partner that is late already is sent at once',
    scenarios: ['rules/rule-42-without-a-partner-and-too-late-to-find-one-*'],
  },
  43: {
    says: 'a match is a partner for all records of that key and time',
    scenarios: ['rules/rule-43-a-partner-for-all-duplicates-*'],
  },
  44: { says: 'both sides share their time', scenarios: ['rules/rule-44-both-sides-share-their-time-*'] },
  45: {
    says: 'the pairs of an optimised self-join come in the order of two stores',
    scenarios: ['optimised/self-join-order', 'optimised/self-join-inner_*', 'optimised/self-join-outer_*'],
  },
  46: {
    says: 'only the stream of a stream-table join speaks, with its own time; a versioned table is read as of it',
    scenarios: ['rules/rule-46-only-the-stream-speaks', 'versioned/list-stream', 'versioned/list-stream-left'],
  },
  47: {
    says: 'with grace, records wait and are joined in the order of time as the records that they are',
    scenarios: ['versioned/stream-join-grace-*', 'versioned/stream-left-join-grace-*'],
    tests: ['streams/dsl/versioned.test.ts: sends each record on as the record that it is'],
  },
  48: {
    says: 'a global table is full before the start, and has no relation in time to streams',
    scenarios: ['rules/rule-48-a-global-table-knows-no-time'],
    tests: [
      'streams/runtime/client/kafka-streams.test.ts: is full before the stream starts, follows its topic, and is whole on every client',
    ],
  },
  49: {
    says: 'until a time limit: a newer update keeps the turn of the one that it replaces',
    scenarios: ['suppress/hand-replaced-keeps-its-turn', 'suppress/hand-time-limit', 'suppress/hand-older-comes-later'],
    tests: ['stores/contract/change-buffer-contract.ts: keeps turn and prior value of a key whose update is replaced'],
  },
  50: {
    says: 'until windows close: the order, no tombstones, limits that are passed and not reached, a buffer that stops',
    scenarios: [
      'suppress/hand-final-*',
      'suppress/closes-*',
      'suppress/hand-limit-is-inclusive',
      'suppress/hand-record-stop',
    ],
  },
  51: {
    says: 'what was suppressed is sent with its own headers and origin',
    scenarios: ['suppress/until-10', 'suppress/hand-same-time-by-key'],
    tests: ['streams/dsl/suppress.test.ts: has the origin of its own record (record cache of %s bytes)'],
  },
  52: {
    says: 'the record cache keeps the last update of a key, and the old value of the store',
    scenarios: ['rules/rule-52-updates-of-one-commit-collapse'],
    tests: [
      `${FORWARDER}: the last update of each key goes on at the commit, with the value that was there before the first`,
      `${FORWARDER}: what came and went in between is not spoken of`,
    ],
  },
  53: {
    says: 'it is flushed in the order of last updates, all of it, and may be written to meanwhile',
    scenarios: [
      'rules/rule-53-in-the-order-of-the-last-update',
      'rules/rule-53-a-flush-that-writes-into-the-next-cache',
    ],
    tests: [
      `${FORWARDER}: past its bound all updates go on, without a commit`,
      `${FORWARDER}: an update that a flush causes waits for the next one`,
    ],
  },
  54: {
    says: 'what the record cache held back has headers and origin of its own record',
    scenarios: ['transform-values/origin-cached-parent'],
  },
  55: {
    says: 'when several repartition topics become one, where it stands and what it is called',
    scenarios: [
      'optimised/two-aggregations',
      'optimised/values-between',
      'optimised/asked-for',
      'optimised/everything@merge.repartition.topics',
      'naming/several-groupings@all',
    ],
  },
  56: {
    says: 'after which operators the key counts as changed, and after which no more',
    scenarios: ['rules/rule-56-the-key-stays-changed', 'rules/rule-56-the-key-is-in-its-place-again'],
  },
  57: {
    says: 'partitions of repartition topics, to a fixpoint; co-partitioning',
    tests: [
      `${TOPICS}: are the largest of several writers`,
      `${TOPICS}: go on over a chain`,
      `${TOPICS}: follow a smaller one too`,
      `${TOPICS}: two topics that are joined`,
      `${TOPICS}: a topic and a fixed repartition`,
    ],
  },
  58: {
    says: 'sub-topologies are numbered as they were added, tasks by partition',
    scenarios: ['basics/many-subtopologies'],
    tests: [
      'streams/topology.test.ts: are what hangs together by edges or stores, numbered in the order in which it was added',
      'streams/topology.test.ts: of global stores take a number and make no tasks',
    ],
  },
  59: {
    says: 'windowed keys go where their inner key goes, by murmur2',
    tests: [
      'streams/dsl/serde-bytes.test.ts: a windowed key goes where its inner key goes',
      'streams/dsl/windows/session-windowed-kstream.test.ts: go to the partition of the key in them',
      'test/oracle/bytes.test.ts: murmur2',
    ],
  },
  60: {
    says: 'a changelog has the plain value and, as its own, the time of the row',
    scenarios: ['basics/count-materialized-with', 'rules/rule-12-the-later-time'],
    tests: [
      'test/oracle/bytes.test.ts: %s: the same records for the same puts',
      'test/oracle/bytes.test.ts: %s: a store that is restored from them holds the same',
    ],
  },
  61: {
    says: 'bytes of window and session keys in changelogs',
    tests: [
      `${KEYS}: is key, start and sequence number, as in WindowKeySchema`,
      'stores/session/session-keys.test.ts: is key, end and start, as in SessionKeySchema',
      'test/oracle/bytes.test.ts: window-keys',
      'test/oracle/bytes.test.ts: session-keys',
    ],
  },
  62: {
    says: 'the order of a commit: a process that is killed after any step loses and doubles nothing',
    tests: [
      `${CRASH}: loses and doubles nothing under exactly once (step %i)`,
      `${CRASH}: loses nothing under at least once (step %i)`,
    ],
  },
  63: {
    says: 'state on disk is never ahead of what is committed; where it does not fit its changelog it is restored from nothing',
    tests: [
      'stores/database/crash.test.ts: rows and offset agree after the process is killed, however often',
      `${RECOVERY}: is thrown away and restored where its place in the changelog is gone`,
    ],
  },
  64: {
    says: 'a commit whose outcome is not known is restored from what was committed, under either guarantee',
    tests: [`${RECOVERY}: of which nobody knows the outcome is done over from what was committed (%s)`],
  },
  65: {
    says: 'a table whose source topic is its changelog is restored up to the committed offset; stores in memory from the start',
    tests: [
      'streams/runtime/state/source-changelog.test.ts: is restored no further than what is committed',
      'streams/runtime/state/source-changelog.test.ts: under %s is whole when a commit ends before its state is written (on disk: %j)',
    ],
  },
  66: {
    says: 'no offset is committed past a record that could not be sent',
    tests: [`${RECOVERY}: stops the client, and no offset is committed past it`],
  },
  67: {
    says: 'a thread polls, processes all of its tasks, punctuates and commits; partitions with full buffers are paused and resumed',
    tests: [`${RECOVERY}: is paused until there is room again, and loses nothing`],
  },
  68: {
    says: 'a record goes to the first branch that takes it, or nowhere',
    scenarios: ['rules/rule-68-the-first-branch-that-takes-it', 'basics/split', 'basics/split-no-default'],
  },
  69: {
    says: 'an update that changes nothing is sent all the same',
    scenarios: ['rules/rule-69-an-update-that-changes-nothing'],
  },
}
