import type { Judged } from './rule.ts'

/** Above begins over `threshold` and ends when the value has fallen to `threshold - hysteresis`. */
export function above(value: number, threshold: number, hysteresis: number, before: boolean): Judged {
  const counts = before ? threshold - hysteresis : threshold
  return { value, holds: value > counts, threshold: counts }
}

/** Below begins under `threshold` and ends when the value has risen to `threshold + hysteresis`. */
export function below(value: number, threshold: number, hysteresis: number, before: boolean): Judged {
  const counts = before ? threshold + hysteresis : threshold
  return { value, holds: value < counts, threshold: counts }
}
