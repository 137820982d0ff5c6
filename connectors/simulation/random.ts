/** Random numbers that come out the same for the same seed. */
export interface Random {
  /** In [0, 1). */
  next(): number
  /** In [from, to). */
  between(from: number, to: number): number
  /** How long until something that happens every `meanMs` on average. */
  waitMs(meanMs: number): number
  /** One of them; there must be one. */
  pick<T>(items: readonly T[]): T
}

/** Mulberry32: small, fast, and good enough for people who walk about. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  return {
    next,
    between: (from, to) => from + (to - from) * next(),
    waitMs: (meanMs) => -Math.log(1 - next()) * meanMs,
    pick: <T>(items: readonly T[]) => items[Math.floor(next() * items.length)] as T,
  }
}
