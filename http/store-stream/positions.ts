/** Where a listener stands: per partition of the store, the changelog offset up to which it has been told everything. */
export type StreamPositions = ReadonlyMap<number, number>

/** As an event id: `0:41,2:7`, which holds on every instance. */
export function positionsId(positions: StreamPositions): string {
  return [...positions].map(([partition, offset]) => `${partition}:${offset}`).join(',')
}

/** What a listener gives back; ids that are not ours say nothing. */
export function positionsOf(lastEventId: string | undefined): Map<number, number> {
  const positions = new Map<number, number>()
  for (const part of (lastEventId ?? '').split(',')) {
    const match = /^(\d{1,6}):(\d{1,16})$/.exec(part)
    if (match === null) return new Map()
    positions.set(Number(match[1]), Number(match[2]))
  }
  return positions
}
