/** Where two records of things differ, by the first word of the key, with one example each; nothing when they are equal. */
export function differences(
  ours: Readonly<Record<string, unknown>>,
  theirs: Readonly<Record<string, unknown>>,
): Readonly<Record<string, string>> {
  const counts: Record<string, { count: number; example: string }> = {}
  for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
    if (JSON.stringify(ours[key]) === JSON.stringify(theirs[key])) continue
    const group = key.split(' ')[0] as string
    counts[group] ??= { count: 0, example: `${key} ${example(ours[key], theirs[key])}` }
    counts[group].count++
  }
  return Object.fromEntries(Object.entries(counts).map(([group, found]) => [group, `${found.count}: ${found.example}`]))
}

/** Of lists, the first place where they differ. */
function example(ours: unknown, theirs: unknown): string {
  if (!Array.isArray(ours) || !Array.isArray(theirs))
    return `is\n  ${JSON.stringify(ours)}, and should be\n  ${JSON.stringify(theirs)}`
  const at = Array.from({ length: Math.max(ours.length, theirs.length) }, (_, i) => i).find(
    (i) => JSON.stringify(ours[i]) !== JSON.stringify(theirs[i]),
  ) as number
  const lengths = `has ${ours.length} and should have ${theirs.length}`
  return `${lengths}; number ${at} is\n  ${JSON.stringify(ours[at])}, and should be\n  ${JSON.stringify(theirs[at])}`
}
