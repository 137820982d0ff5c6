import { asError } from '../../common/errors.ts'
import { FaultError } from './errors.ts'
import { DEFAULT_CONTROL_PORT } from './simulate-options.ts'

const TIMEOUT_MS = 30_000

/** Asks the control of a running simulation. @throws {FaultError} when it does not answer, or says no. */
export async function askControl<T>(
  control: string | boolean | undefined,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<T> {
  const base = typeof control === 'string' ? control : `http://127.0.0.1:${DEFAULT_CONTROL_PORT}`
  const answer = await ask(base, path, {
    method,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const document = (await answer.json().catch(() => ({}))) as T & { readonly error?: string }
  if (!answer.ok) throw new FaultError(document.error ?? `${base} answered ${answer.status}`)
  return document
}

async function ask(base: string, path: string, request: RequestInit): Promise<Response> {
  try {
    return await fetch(new URL(path, base), request)
  } catch (cause) {
    const { cause: deeper, message } = asError(cause)
    const reason = deeper instanceof Error ? deeper.message : message
    throw new FaultError(
      `no simulation answers at ${base} (${reason}): start one with brook simulate, or name its control`,
      {
        cause,
      },
    )
  }
}
