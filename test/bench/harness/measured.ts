/** What one run of a case tells. */
export interface Measured {
  /** From the first record to the last, as the job saw them. */
  readonly recordsPerSecond: number
  /** From the first record until the client was closed: everything committed, nothing left in a buffer. */
  readonly inclusivePerSecond: number
  /** User and system time of the whole process, its start included. */
  readonly cpuMicrosPerRecord: number
  readonly maxRssMb: number
}

/** The runs of one case. */
export interface CaseResult {
  readonly name: string
  readonly runs: readonly Measured[]
}

/** The middle value; of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle]
  if (upper === undefined) return Number.NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2
}
