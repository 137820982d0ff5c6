/**
 * What an aggregation asks of its windows. A window is [start, end); two windows that are not the same start at different times.
 * The lengths may differ: days of a time zone have 23, 24 or 25 hours.
 * @see org.apache.kafka.streams.kstream.Windows
 */
export interface Windows {
  /** No window is longer: what stores keep a row for, beside grace. */
  readonly sizeMs: number
  /** All windows are `sizeMs` long. */
  readonly fixedSize: boolean
  /** How long after its end a window takes records, in stream time. */
  readonly graceMs: number
  /** A time may be in more than one window. */
  readonly overlapping: boolean
  /** Start of the earliest window that ends after this time; above it when the time is in no window. Never negative. */
  firstStartMs(timestampMs: number): number
  /** Start of the window after the one that starts here. */
  nextStartMs(startMs: number): number
  /** End of the window that starts here. */
  endMs(startMs: number): number
}

/** Starts of the windows that a time falls into, earliest first. */
export function windowStartsFor(windows: Windows, timestampMs: number): readonly number[] {
  const starts: number[] = []
  for (let at = windows.firstStartMs(timestampMs); at <= timestampMs; at = windows.nextStartMs(at)) starts.push(at)
  return starts
}
