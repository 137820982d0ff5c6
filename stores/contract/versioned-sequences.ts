const FOREVER = Number.POSITIVE_INFINITY

/** Times are relative to the beginning of a segment of 100 ms; the history is 300 ms. */
export interface VersionedSequence {
  /** Value, time, and what the put answers. */
  readonly puts: readonly (readonly [value: string | null, timeMs: number, validToMs: number])[]
  /** What is read as of a time; nothing, or value and interval. */
  readonly reads: readonly (
    | readonly [asOfMs: number]
    | readonly [asOfMs: number, value: string, fromMs: number, toMs: number]
  )[]
  readonly newest: string | undefined
}

/** Sequences for one key that cross segments in every way. @see RocksDBVersionedStoreTest */
export const VERSIONED_SEQUENCES: Readonly<Record<string, VersionedSequence>> = {
  'the newest twice': {
    puts: [
      ['v', 0, FOREVER],
      ['v2', 1, FOREVER],
    ],
    reads: [
      [0, 'v', 0, 1],
      [1, 'v2', 1, FOREVER],
      [2, 'v2', 1, FOREVER],
    ],
    newest: 'v2',
  },
  'deletions alone': {
    puts: [
      [null, 0, FOREVER],
      [null, 1, FOREVER],
    ],
    reads: [[0], [1], [2]],
    newest: undefined,
  },
  'older ones under a value': {
    puts: [
      ['v', 0, FOREVER],
      ['v2', -2, 0],
      ['v1', -1, 0],
      ['v4', -4, -2],
    ],
    reads: [
      [0, 'v', 0, FOREVER],
      [-1, 'v1', -1, 0],
      [-2, 'v2', -2, -1],
      [-3, 'v4', -4, -2],
    ],
    newest: 'v',
  },
  'older ones under a deletion': {
    puts: [
      [null, 0, FOREVER],
      ['v2', -2, 0],
      ['v1', -1, 0],
      ['v4', -4, -2],
    ],
    reads: [[0], [-1, 'v1', -1, 0], [-2, 'v2', -2, -1], [-3, 'v4', -4, -2]],
    newest: undefined,
  },
  'older deletions under a value': {
    puts: [
      ['v', 0, FOREVER],
      [null, -2, 0],
      [null, -1, 0],
      [null, -4, -2],
      ['v5', -5, -4],
      ['v3', -3, -2],
      [null, -6, -5],
    ],
    reads: [[0, 'v', 0, FOREVER], [-1], [-2], [-3, 'v3', -3, -2], [-4], [-5, 'v5', -5, -4], [-6]],
    newest: 'v',
  },
  'older deletions under a deletion': {
    puts: [
      [null, 0, FOREVER],
      [null, -2, 0],
      [null, -1, 0],
      [null, -4, -2],
      ['v3', -3, -2],
      ['v5', -5, -4],
      [null, -6, -5],
    ],
    reads: [[0], [-1], [-2], [-3, 'v3', -3, -2], [-4], [-5, 'v5', -5, -4], [-6]],
    newest: undefined,
  },
  'the newest replaced, again and again': {
    puts: [
      ['x', 0, FOREVER],
      ['b', 0, FOREVER],
      [null, 0, FOREVER],
      [null, 0, FOREVER],
      ['b', 0, FOREVER],
    ],
    reads: [[0, 'b', 0, FOREVER], [-1]],
    newest: 'b',
  },
  'all kinds replaced': {
    puts: [
      ['x', 20, FOREVER],
      [null, -10, 20],
      ['x', -10, 20],
      [null, -10, 20],
      ['x', -1, 20],
      ['x', 1, 20],
      [null, -1, 1],
      [null, 1, 20],
      [null, 10, 20],
      [null, 5, 10],
      ['vp5', 5, 10],
      ['x', -5, -1],
      ['vn5', -5, -1],
      [null, 20, FOREVER],
      [null, 20, FOREVER],
      ['vn6', -6, -5],
    ],
    reads: [[30], [15], [6, 'vp5', 5, 10], [2], [0], [-1], [-5, 'vn5', -5, -1], [-6, 'vn6', -6, -5], [-8]],
    newest: undefined,
  },
  'several segments in order': {
    puts: [
      [null, -20, FOREVER],
      ['vn10', -10, FOREVER],
      [null, -1, FOREVER],
      [null, 1, FOREVER],
      ['vp10', 10, FOREVER],
      [null, 20, FOREVER],
    ],
    reads: [[30], [15, 'vp10', 10, 20], [5], [2], [0], [-1], [-5, 'vn10', -10, -1], [-15]],
    newest: undefined,
  },
  'a version that moves to an older segment': {
    puts: [
      ['vp20', 20, FOREVER],
      ['vp10', 10, 20],
      ['vn10', -10, 10],
      ['vn2', -2, 10],
      ['vn1', -1, 10],
      ['vp1', 1, 10],
    ],
    reads: [
      [30, 'vp20', 20, FOREVER],
      [15, 'vp10', 10, 20],
      [5, 'vp1', 1, 10],
      [0, 'vn1', -1, 1],
      [-1, 'vn1', -1, 1],
      [-2, 'vn2', -2, -1],
      [-5, 'vn10', -10, -2],
    ],
    newest: 'vp20',
  },
  'deletions that move to an older segment': {
    puts: [
      [null, 20, FOREVER],
      [null, -1, 20],
      [null, 1, 20],
      [null, -10, -1],
      [null, 10, 20],
      ['vp5', 5, 10],
      ['vn5', -5, -1],
      ['vn6', -6, -5],
    ],
    reads: [[30], [15], [6, 'vp5', 5, 10], [2], [0], [-1], [-5, 'vn5', -5, -1], [-6, 'vn6', -6, -5], [-8]],
    newest: undefined,
  },
  'one that falls through to an older segment': {
    puts: [
      [null, -5, FOREVER],
      ['vn6', -6, -5],
      ['vp20', 20, FOREVER],
      [null, 10, 20],
      [null, -1, 10],
      ['vn2', -2, -1],
    ],
    reads: [[30, 'vp20', 20, FOREVER], [12], [0], [-1], [-2, 'vn2', -2, -1], [-5], [-6, 'vn6', -6, -5]],
    newest: 'vp20',
  },
  'an older deletion into a segment of its own': {
    puts: [
      ['vp30', 30, FOREVER],
      [null, -10, 30],
      ['vn5', -5, 30],
      ['vn1', -1, 30],
      [null, -2, -1],
    ],
    reads: [[10, 'vn1', -1, 30], [-1, 'vn1', -1, 30], [-2], [-5, 'vn5', -5, -2], [-10]],
    newest: 'vp30',
  },
  'values of no length, which are no deletions': {
    puts: [
      [null, 20, FOREVER],
      [null, -10, 20],
      [null, -1, 20],
      [null, 1, 20],
      [null, 10, 20],
      ['', 5, 10],
      ['', -5, -1],
      ['', -6, -5],
    ],
    reads: [[30], [15], [6, '', 5, 10], [2], [0], [-1], [-5, '', -5, -1], [-6, '', -6, -5], [-8]],
    newest: undefined,
  },
  'a deletion of the only version, at its time': {
    puts: [
      ['a', 36, FOREVER],
      [null, 36, FOREVER],
      ['b', 34, 36],
    ],
    reads: [[33], [34, 'b', 34, 36], [36], [40]],
    newest: undefined,
  },
}
