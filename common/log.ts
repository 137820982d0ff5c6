import { pino } from 'pino'

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent'

/** Structured logging: fields first, then the sentence. */
export interface Logger {
  trace(fields: object, message: string): void
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
  fatal(fields: object, message: string): void
  /** Whether lines of this level are written, where the logger can tell. */
  isLevelEnabled?(level: LogLevel): boolean
  /** A logger that adds these fields to every line. */
  child(fields: object): Logger
}

const REDACTED = [
  'password',
  'secret',
  'token',
  '*.password',
  '*.secret',
  '*.token',
  'sasl.password',
  'headers.authorization',
  'headers.cookie',
]

/** A logger that writes JSON lines, or coloured text where a person watches (`pretty`). Secrets are masked by field name. */
export function createLogger(options: { level?: LogLevel; pretty?: boolean } = {}): Logger {
  return pino({
    level: options.level ?? 'info',
    base: null,
    redact: REDACTED,
    ...(options.pretty
      ? { transport: { target: 'pino-pretty', options: { ignore: 'pid,hostname', translateTime: 'HH:MM:ss' } } }
      : {}),
  })
}

/** Says nothing; the default of everything that is given no logger. */
export const silentLogger: Logger = {
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
  fatal() {},
  isLevelEnabled: () => false,
  child: () => silentLogger,
}
