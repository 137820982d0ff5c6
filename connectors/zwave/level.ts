import type { Clock } from '../../common/clock.ts'

/** The highest level of the Multilevel Switch command class; it stands for 100 %. */
export const MAX_LEVEL = 99

/** Percent (0..100) → level: levels 0 to 98 are percents as they stand, 99 and 100 % are both level 99. Out of range is clamped. */
export function levelOfPercent(percent: number): number {
  return Math.min(MAX_LEVEL, Math.max(0, Math.round(percent)))
}

/** Level → percent; 255 ("on" of version 1) is 100 % too. `undefined` for what is no level (100..254, 254 = not known). */
export function percentOfLevel(level: number): number | undefined {
  if (!Number.isInteger(level) || level < 0) return undefined
  if (level < MAX_LEVEL) return level
  return level === MAX_LEVEL || level === 0xff ? 100 : undefined
}

/** What a dimmer tells of itself; only version 4 knows where it is going. */
export interface LevelReport {
  readonly currentValue?: number | null | undefined
  readonly targetValue?: number | null | undefined
}

export interface ReadBackOptions {
  readonly read: () => Promise<LevelReport>
  readonly wait: (ms: number) => Promise<void>
  readonly clock: Clock
  readonly timeoutMs: number
}

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 2000

/**
 * Asks a dimmer for its level until it is `level` (true) or the time is over. Then a dimmer that says it is still on its way
 * there counts as well: a slow ramp is not a refusal.
 */
export async function readBack(level: number, options: ReadBackOptions): Promise<boolean> {
  const deadlineMs = options.clock.nowMs() + options.timeoutMs
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
    const report = await options.read()
    if (report.currentValue === level) return true
    const leftMs = deadlineMs - options.clock.nowMs()
    if (leftMs <= 0) return report.targetValue === level
    await options.wait(Math.min(waitMs, leftMs))
  }
}
