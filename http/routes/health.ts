import { toJson } from '../json.ts'
import { withDeadline } from '../query/deadline.ts'
import type { StreamsProvider } from '../streams-view.ts'
import { isoTime } from '../times.ts'
import { z } from '../zod.ts'
import type { ReadinessCheck, RouteContext } from './context.ts'
import { type Route, route } from './route.ts'

const CHECK_TIMEOUT_MS = 2_000
const TAG = 'operations'
const CheckDocument = z.object({ name: z.string(), ready: z.boolean(), reason: z.string().optional() })
const ReadyDocument = z.object({ ready: z.boolean(), checks: z.array(CheckDocument) }).meta({ id: 'Readiness' })

export function healthRoutes(context: RouteContext): readonly Route[] {
  const { metrics, streams, version, startedAtMs, sendCommand } = context
  return [
    route({
      method: 'get',
      path: '/livez',
      tag: TAG,
      summary: 'The process lives; also while state is restored',
      isOpen: true,
      answers: { 200: { description: 'it does', schema: z.object({ status: z.literal('ok') }) } },
      problems: [],
      handle: async () => ({ json: { status: 'ok' } }),
    }),
    route({
      method: 'get',
      path: '/readyz',
      tag: TAG,
      summary: 'Whether requests should come here',
      isOpen: true,
      answers: {
        200: { description: 'ready', schema: ReadyDocument },
        503: { description: 'not ready; the checks say why', schema: ReadyDocument },
      },
      problems: [],
      handle: async ({ signal }) => {
        const checks = await Promise.all(readinessChecks(context).map((check) => runCheck(check, signal)))
        const ready = checks.every((check) => check.ready)
        return {
          status: ready ? 200 : 503,
          headers: ready ? {} : { 'Retry-After': '2' },
          json: { ready, checks: toJson(checks) },
        }
      },
    }),
    route({
      method: 'get',
      path: '/metrics',
      tag: TAG,
      summary: "Metrics in Prometheus' text form",
      answers: { 200: { description: 'the metrics', schema: z.string(), contentType: 'text/plain' } },
      problems: [],
      handle: async () => ({
        text: await metrics.text(),
        contentType: 'text/plain; version=0.0.4; charset=utf-8',
      }),
    }),
    route({
      method: 'get',
      path: '/info',
      tag: TAG,
      summary: 'What runs here',
      answers: {
        200: {
          description: 'the instance',
          schema: z
            .object({
              name: z.literal('brook'),
              version: z.string(),
              node: z.string(),
              startedAt: z.string(),
              startedAtMs: z.number().int(),
              applicationId: z.string().nullable(),
              processId: z.string().nullable(),
              state: z.string().nullable(),
              commands: z.boolean().meta({ description: 'whether devices can be set here' }),
            })
            .meta({ id: 'Info' }),
        },
      },
      problems: [],
      handle: async () => {
        const client = streams()
        return {
          json: {
            name: 'brook',
            version,
            node: process.versions.node,
            startedAt: isoTime(startedAtMs),
            startedAtMs,
            applicationId: client?.applicationId ?? null,
            processId: client?.processId ?? null,
            state: client?.state ?? null,
            commands: sendCommand !== undefined,
          },
        }
      },
    }),
  ]
}

/** Not stopping, and then whatever the program depends on. */
function readinessChecks({ readiness, isStopping }: RouteContext): readonly ReadinessCheck[] {
  return [{ name: 'server', check: async () => (isStopping() ? 'the server is stopping' : undefined) }, ...readiness]
}

/** Whether the stream application runs. */
export function streamsCheck(streams: StreamsProvider): ReadinessCheck {
  return {
    name: 'streams',
    check: async () => {
      const state = streams()?.state
      if (state === undefined) return 'the stream application has not been started yet'
      return state === 'RUNNING' ? undefined : `the stream application is ${state}`
    },
  }
}

/** Asks one check; an answer that takes too long, or an error, is a no. */
export async function runCheck(
  { name, check }: ReadinessCheck,
  signal: AbortSignal,
): Promise<z.output<typeof CheckDocument>> {
  try {
    const timeUp = AbortSignal.any([signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)])
    const reason = await withDeadline(check(), timeUp)
    return reason === undefined ? { name, ready: true } : { name, ready: false, reason }
  } catch (error) {
    return { name, ready: false, reason: error instanceof Error ? error.message : String(error) }
  }
}
