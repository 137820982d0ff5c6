/** Whether every topic that `inner` matches is matched by `outer` too (MQTT 4.7; both are filters). */
export function covers(outer: string, inner: string): boolean {
  const a = outer.split('/')
  const b = inner.split('/')
  for (let i = 0; i < a.length; i++) {
    if (a[i] === '#') return true
    if (i >= b.length || b[i] === '#') return false
    if (a[i] !== '+' && a[i] !== b[i]) return false
  }
  return a.length === b.length
}

/** Whether there is a topic that both filters match. */
export function overlaps(one: string, other: string): boolean {
  const a = one.split('/')
  const b = other.split('/')
  for (let i = 0; ; i++) {
    if (a[i] === '#' || b[i] === '#') return true
    if (i >= a.length || i >= b.length) return a.length === b.length
    if (a[i] !== '+' && b[i] !== '+' && a[i] !== b[i]) return false
  }
}

/**
 * The filters to subscribe to: none that another covers (a broker may deliver a message once per filter), those with `#`
 * first (aedes keeps no offline messages for a `#` filter that is subscribed after one with `+` at its place).
 */
export function reduceFilters(filters: readonly string[]): string[] {
  const unique = [...new Set(filters)]
  const needed = unique.filter((filter) => !unique.some((other) => other !== filter && covers(other, filter)))
  return needed.sort((a, b) => Number(b.endsWith('#')) - Number(a.endsWith('#')))
}
