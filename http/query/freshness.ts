import { InvalidArgumentError } from '../../common/errors.ts'
import { Position, PositionBound } from '../../streams/index.ts'
import { HttpProblem } from '../problem.ts'
import type { StreamsView } from '../streams-view.ts'
import { z } from '../zod.ts'

/** Position of an answer, and in a request the position that the answer has to reach. */
export const POSITION_HEADER = 'X-Streams-Position'
export const OFFSET_HEADER = 'X-Streams-Offset'
export const LAG_HEADER = 'X-Streams-Lag'
export const ROLE_HEADER = 'X-Streams-Role'

const MAX_WAIT_MS = 10_000

/** Parameters of every read: how new its answer has to be. */
export const freshnessQuery = z.object({
  minOffset: z
    .string()
    .max(8_192)
    .optional()
    .meta({
      description: `the answer has at least these records of the input: topic:partition:offset, with commas between, or the offset alone where a key is asked for and the store has one input topic. The header ${POSITION_HEADER} says the same`,
    }),
  wait: z.coerce
    .number()
    .int()
    .min(0)
    .max(MAX_WAIT_MS)
    .default(1_000)
    .meta({ description: 'how long to wait for minOffset, in milliseconds' }),
  maxLag: z.coerce.number().int().min(0).optional().meta({
    description:
      'when the active task cannot answer, a standby may that is behind by no more than so many changelog records',
  }),
})
export const FRESHNESS_CODES = { minOffset: 'BAD_POSITION', wait: 'LIMIT', maxLag: 'LIMIT' } as const

export interface Freshness {
  readonly bound: PositionBound
  readonly waitMs: number
  /** `undefined`: active tasks only. */
  readonly maxLag: number | undefined
}

export interface FreshnessRequest {
  readonly query: z.output<typeof freshnessQuery>
  readonly position: string | undefined
}

/** @throws {HttpProblem} `BAD_POSITION` */
export function freshnessOf(
  streams: StreamsView,
  store: string,
  { query, position }: FreshnessRequest,
  partition?: number,
): Freshness {
  const topics = streams.queries.positionTopics(store)
  try {
    const wanted = [query.minOffset, position].filter((text) => text !== undefined && text !== '')
    const bound = wanted.reduce<Position>(
      (all, text) => all.merge(boundOf(text ?? '', topics, partition)),
      Position.empty(),
    )
    const foreign = bound.topics.find((topic) => !topics.includes(topic))
    if (foreign !== undefined)
      throw new InvalidArgumentError(
        `positions of ${store} are told in offsets of ${topics.join(', ')}, not of ${foreign}`,
      )
    return { bound: PositionBound.at(bound), waitMs: query.wait, maxLag: query.maxLag }
  } catch (cause) {
    if (!(cause instanceof InvalidArgumentError)) throw cause
    throw new HttpProblem('BAD_POSITION', cause.message, { cause })
  }
}

/** How long an answer may take for its position. */
export function waitOf({ bound, waitMs }: Freshness): number {
  return bound.isUnbounded ? 0 : waitMs
}

function boundOf(text: string, topics: readonly string[], partition: number | undefined): Position {
  if (!/^\d+$/.test(text)) return Position.parse(text)
  const [topic] = topics
  if (partition === undefined || topic === undefined || topics.length > 1)
    throw new InvalidArgumentError(
      `an offset alone says nothing here: write topic:partition:offset (${topics.join(', ')})`,
    )
  return Position.empty().withComponent(topic, partition, Number(text))
}

/** How an answer tells what it is made of. */
export function freshnessHeaders(
  parts: readonly { readonly position: Position; readonly role: 'active' | 'standby'; readonly lag: number }[],
): Record<string, string> {
  const position = parts.reduce((all, part) => all.merge(part.position), Position.empty())
  const [topic, ...more] = position.topics
  const offsets = topic === undefined ? [] : [...position.partitionPositions(topic).values()]
  return {
    [ROLE_HEADER]: parts.some((part) => part.role === 'standby') ? 'standby' : 'active',
    [LAG_HEADER]: String(Math.max(0, ...parts.map((part) => part.lag))),
    ...(position.isEmpty ? {} : { [POSITION_HEADER]: position.toString() }),
    ...(more.length === 0 && offsets.length === 1 ? { [OFFSET_HEADER]: String(offsets[0]) } : {}),
  }
}

export function notFreshEnough(detail: string, position?: Position): HttpProblem {
  return new HttpProblem('LAG_EXCEEDED', detail, {
    retryAfterS: 1,
    members: position === undefined ? {} : { position: position.toString() },
  })
}
