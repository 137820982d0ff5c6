import type { Logger } from '../../common/log.ts'
import { type PortError, packError, unpackError } from './port-errors.ts'

export const LOG_METHODS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const
export type LogMethod = (typeof LOG_METHODS)[number]

/** A line of a worker's log on its way to the logger of the main thread. */
export interface PortLogLine {
  readonly method: LogMethod
  readonly fields: object
  /** Fields that are errors. */
  readonly errors: Readonly<Record<string, PortError>>
  readonly message: string
}

/** The methods that a logger writes at all, as far as it tells: lines of the others need not be sent. */
export function writtenMethods(log: Logger): readonly LogMethod[] {
  return LOG_METHODS.filter((method) => log.isLevelEnabled?.(method) ?? true)
}

/** A logger whose lines are sent. What cannot be sent of the fields is sent as text. */
export function portLogger(written: readonly LogMethod[], send: (line: PortLogLine) => void): Logger {
  const make = (bound: object): Logger => {
    const write = (method: LogMethod) =>
      written.includes(method)
        ? (fields: object, message: string): void => send({ method, message, ...packed({ ...bound, ...fields }) })
        : (): void => {}
    return {
      trace: write('trace'),
      debug: write('debug'),
      info: write('info'),
      warn: write('warn'),
      error: write('error'),
      fatal: write('fatal'),
      isLevelEnabled: (level) => (written as readonly string[]).includes(level),
      child: (fields) => make({ ...bound, ...fields }),
    }
  }
  return make({})
}

export function writeLine(log: Logger, { method, fields, errors, message }: PortLogLine): void {
  const unpacked = Object.entries(errors).map(([name, error]) => [name, unpackError(error)] as const)
  log[method]({ ...fields, ...Object.fromEntries(unpacked) }, message)
}

function packed(fields: object): Pick<PortLogLine, 'fields' | 'errors'> {
  const plain: Record<string, unknown> = {}
  const errors: Record<string, PortError> = {}
  for (const [name, value] of Object.entries(fields)) {
    if (value instanceof Error) errors[name] = packError(value)
    else plain[name] = sendable(value)
  }
  return { fields: plain, errors }
}

function sendable(value: unknown): unknown {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return value
  try {
    return structuredClone(value)
  } catch {
    return String(value)
  }
}
