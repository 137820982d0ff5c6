export interface BackoffOptions {
  /** Longest first wait (default 500 ms); it doubles with each attempt. */
  readonly baseMs?: number
  /** Longest wait at all (default 4 s: what was away is in use again within 5 s of its return). */
  readonly capMs?: number
  /** Values in [0, 1); for tests. */
  readonly random?: () => number
}

/** How long to wait before attempt number `attempt` (0 = first retry): exponential, capped, between half of it and all of it by chance. */
export function backoffMs(attempt: number, options: BackoffOptions = {}): number {
  const { baseMs = 500, capMs = 4_000, random = Math.random } = options
  const longest = Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30))
  return Math.round(longest * (0.5 + random() / 2))
}
