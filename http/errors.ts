import { BrookError } from '../common/errors.ts'

/** The server cannot listen; the message says which setting to change. */
export class HttpListenError extends BrookError {
  readonly code = 'HTTP_LISTEN'
  readonly domain = 'user'
  readonly recovery = 'stop'

  constructor(host: string, port: number, cause: unknown) {
    super(listenMessage(host, port, cause), { cause })
  }
}

function listenMessage(host: string, port: number, cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} on ${host} is taken: set BROOK_HTTP_PORT to another one`
    case 'EACCES':
      return `port ${port} on ${host} needs more rights: set BROOK_HTTP_PORT to one above 1023`
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `this machine has no address ${host}: set BROOK_HTTP_HOST to one that it has`
    default:
      return `cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : String(cause)}`
  }
}
