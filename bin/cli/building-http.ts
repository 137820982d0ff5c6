import { z } from '../../http/zod.ts'
import type { CommandContext } from './command.ts'
import { CliError } from './errors.ts'

const ASK_MS = 15_000

const Problem = z.object({ detail: z.string(), code: z.string() })

/**
 * Asks the building's process over HTTP (--http-host, --http-port, BROOK_HTTP_TOKEN); a body makes it a POST.
 * @throws {CliError} with what the process says, or that it does not answer.
 */
export async function askBuilding<T>(
  { settings: { httpHost, httpPort, httpToken } }: CommandContext,
  path: string,
  answer: z.ZodType<T>,
  body?: object,
): Promise<T> {
  const url = `http://${httpHost.includes(':') ? `[${httpHost}]` : httpHost}:${httpPort}${path}`
  const response = await fetch(url, {
    ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(httpToken === undefined ? {} : { authorization: `Bearer ${httpToken}` }),
    },
    signal: AbortSignal.timeout(ASK_MS),
  }).catch((error: Error) => {
    const why = error.cause instanceof Error ? error.cause.message : error.message
    throw new CliError(`nobody answers at ${url} (${why}): name the process with --http-host and --http-port`)
  })
  const document: unknown = await response.json().catch(() => undefined)
  if (response.ok) return answer.parse(document)
  const problem = Problem.safeParse(document)
  const why = problem.success ? `${problem.data.detail} (${problem.data.code})` : `status ${response.status}`
  throw new CliError(response.status === 401 ? `${why}: set BROOK_HTTP_TOKEN` : why)
}
