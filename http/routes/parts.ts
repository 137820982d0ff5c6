import type { Clock } from '../../common/clock.ts'
import { type Json, toJson } from '../json.ts'
import type { ConnectorReport } from '../live/live-events.ts'
import type { LiveHub } from '../live/live-hub.ts'
import { HttpProblem } from '../problem.ts'
import { isoTime } from '../times.ts'
import { z } from '../zod.ts'
import type { ReadinessCheck, RouteContext } from './context.ts'
import { runCheck } from './health.ts'
import { type Answer, type Route, route } from './route.ts'

const TAG = 'operations'
/** What people call the schema registry in an address. */
const REGISTRY = { short: 'registry', check: 'schema-registry' } as const

const PartDocument = z
  .looseObject({
    name: z.string(),
    healthy: z.boolean(),
    state: z.string().meta({ description: 'of a connector its own; running or unreachable for what it stands on' }),
    since: z.string().meta({ description: 'when that became so, or was first seen to be so' }),
    sinceMs: z.number(),
    lastError: z.string().nullable(),
    lastMessageAt: z.string().nullable().meta({ description: 'when the last message came; null for what sends none' }),
  })
  .meta({ id: 'Part' })

type Part = z.output<typeof PartDocument>

/** Each connector and each thing that the program stands on, one by one. */
export function partRoutes(context: RouteContext): readonly Route[] {
  const { live, clock, readiness } = context
  const seen = new SeenChecks(clock)
  return [
    route({
      method: 'get',
      path: '/v1/connectors/{connector}',
      tag: TAG,
      summary: 'What one connector tells about itself',
      params: z.object({ connector: z.string().max(249) }),
      answers: { 200: { description: 'the connector', schema: z.unknown() } },
      problems: ['CONNECTOR_UNKNOWN'],
      handle: async ({ params: { connector } }) => {
        const report = reportOf(live, connector)
        if (report === undefined) throw new HttpProblem('CONNECTOR_UNKNOWN', 'no such connector runs in this process')
        return { json: toJson(report) }
      },
    }),
    route({
      method: 'get',
      path: '/health/{part}',
      tag: TAG,
      summary: 'How one part fares: a connector (mqtt, knx, zwave, …), kafka or registry',
      params: z.object({ part: z.string().max(249) }),
      answers: {
        200: { description: 'it works', schema: PartDocument },
        503: {
          description: 'it does not, or in part only; the document says since when and why',
          schema: PartDocument,
        },
      },
      problems: ['PART_UNKNOWN'],
      handle: async ({ params: { part }, signal }) => {
        const report = reportOf(live, part)
        if (report !== undefined) return answer(connectorPart(report))
        const name = part === REGISTRY.short ? REGISTRY.check : part
        const check = readiness.find((one) => one.name === name && one.name !== 'connector')
        if (check === undefined) throw new HttpProblem('PART_UNKNOWN', 'this process has no such part')
        return answer(await seen.ask(check, part, signal))
      },
    }),
  ]
}

function reportOf(live: LiveHub, name: string): ConnectorReport | undefined {
  for (const event of live.commonEvents()) {
    if (event.type === 'connector' && event.key === name) return event.data ?? undefined
  }
  return undefined
}

function connectorPart(report: ConnectorReport): Part {
  const { name, state, sinceMs, lastError, lastMessageMs, ...rest } = report
  const part = { name, healthy: state === 'running', state, since: isoTime(sinceMs), sinceMs }
  const lastMessageAt = lastMessageMs === undefined ? null : isoTime(lastMessageMs)
  return { ...part, lastError: lastError ?? null, lastMessageAt, ...rest }
}

function answer(part: Part): Answer {
  return { status: part.healthy ? 200 : 503, json: toJson(part) as Json }
}

interface Seen {
  isReady: boolean
  sinceMs: number
  lastError: string | null
}

/** A check tells only how it is now: since when is remembered from the times that somebody asked. */
class SeenChecks {
  readonly #clock: Clock
  readonly #seen = new Map<string, Seen>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async ask(check: ReadinessCheck, name: string, signal: AbortSignal): Promise<Part> {
    const { ready, reason } = await runCheck(check, signal)
    const nowMs = this.#clock.nowMs()
    const known = this.#seen.get(check.name) ?? { isReady: ready, sinceMs: nowMs, lastError: null }
    if (known.isReady !== ready) Object.assign(known, { isReady: ready, sinceMs: nowMs })
    if (reason !== undefined) known.lastError = reason
    this.#seen.set(check.name, known)
    const { sinceMs, lastError } = known
    const state = ready ? 'running' : 'unreachable'
    return { name, healthy: ready, state, since: isoTime(sinceMs), sinceMs, lastError, lastMessageAt: null }
  }
}
