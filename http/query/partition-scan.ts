import type { Query } from '../../streams/index.ts'
import type { Json } from '../json.ts'
import { asProblem, type HttpProblem } from '../problem.ts'
import type { StreamsView } from '../streams-view.ts'
import { checkDeadline } from './deadline.ts'
import type { Freshness } from './freshness.ts'
import type { Covered, Part } from './gather.ts'
import { readLocal } from './local-read.ts'

/** A row of an answer. Answers are in the order of these bytes over partitions and instances, and pages are told by them. */
export interface ScanRow {
  readonly order: Buffer
  readonly partition: number
  readonly json: { readonly [name: string]: Json }
}

export interface Rows {
  readonly rows: readonly ScanRow[]
  /** Where there are more rows: these go no further than here. */
  readonly end: Buffer | undefined
}

export function onlyPartitions({ rows, end }: Rows, partitions: ReadonlySet<number>): Rows {
  return { rows: rows.filter((row) => partitions.has(row.partition)), end }
}

export interface PartitionScan<R> {
  readonly streams: StreamsView
  readonly store: string
  readonly query: Query<AsyncIterable<R>>
  readonly freshness: Freshness
  readonly limit: number
  readonly reverse: boolean
  /** Rows come in the order of the answer: reading may end at the limit. Otherwise all of them are looked at, and the first kept. */
  readonly isSorted: boolean
  /** Nothing from this row on belongs to the answer. */
  readonly isEnd?: (row: R) => boolean
  /** Turns a row to JSON as soon as it is read: its value may change afterwards. `undefined` leaves it out. */
  readonly toRow: (row: R) => Omit<ScanRow, 'partition'> | undefined
  readonly signal: AbortSignal
}

/** The first rows of these partitions, in the order of the answer, one more than the limit where there are so many. */
export async function scanPartitions<R>(scan: PartitionScan<R>, partitions: readonly number[]): Promise<Part<Rows>> {
  const { streams, store, query, freshness, signal } = scan
  const { answers, problems } = await readLocal(streams, store, query, partitions, freshness, signal)
  const failed: { partition: number; problem: HttpProblem }[] = [...problems]
  const covered: Covered[] = []
  const firsts: ScanRow[] = []
  let more = false
  await Promise.all(
    answers.map(async ({ partition, result, ...answer }) => {
      try {
        const rows = await firstRows(scan, partition, result)
        more ||= rows.length > scan.limit
        firsts.push(...rows)
        covered.push({ partition, ...answer })
      } catch (error) {
        const problem = asProblem(error)
        if (problem.status < 500 || problem.code === 'INTERNAL' || problem.code === 'TIMEOUT') throw problem
        failed.push({ partition, problem })
      }
    }),
  )
  const all = sorted(firsts, scan.reverse)
  const rows = all.slice(0, scan.limit + 1)
  const end = more || all.length > rows.length ? rows.at(-1)?.order : undefined
  return { covered, problems: failed, data: { rows, end } }
}

async function firstRows<R>(scan: PartitionScan<R>, partition: number, rows: AsyncIterable<R>): Promise<ScanRow[]> {
  const { limit, reverse, isSorted, isEnd, toRow, signal } = scan
  let kept: ScanRow[] = []
  for await (const row of rows) {
    checkDeadline(signal)
    if (isEnd?.(row)) break
    const made = toRow(row)
    if (made === undefined) continue
    kept.push({ ...made, partition })
    if (isSorted && kept.length > limit) break
    if (kept.length > 2 * limit + 64) kept = sorted(kept, reverse).slice(0, limit + 1)
  }
  return isSorted ? kept : sorted(kept, reverse).slice(0, limit + 1)
}

export function sorted(rows: readonly ScanRow[], reverse: boolean): ScanRow[] {
  return [...rows].sort((a, b) => Buffer.compare(a.order, b.order) * (reverse ? -1 : 1))
}

/** A page of what all parts have: no further than any part that has more goes, and no longer than the limit. */
export function pageOf(
  parts: readonly Rows[],
  limit: number,
  reverse: boolean,
): { readonly page: readonly ScanRow[]; readonly isCut: boolean } {
  const sign = reverse ? -1 : 1
  const all = sorted(
    parts.flatMap((part) => part.rows),
    reverse,
  )
  const [end] = parts
    .flatMap((part) => (part.end === undefined ? [] : [part.end]))
    .sort((a, b) => Buffer.compare(a, b) * sign)
  const known = end === undefined ? all : all.filter((row) => Buffer.compare(row.order, end) * sign <= 0)
  return { page: known.slice(0, limit), isCut: known.length > limit || end !== undefined }
}
