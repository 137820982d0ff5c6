import { createHash, timingSafeEqual } from 'node:crypto'
import { HttpProblem } from './problem.ts'

/**
 * Checks the token of a request: `Authorization: Bearer <token>`, or as the password of Basic, which is what a browser can send
 * with pages and event streams. Compared in constant time.
 */
export class TokenCheck {
  readonly #digest: Buffer

  constructor(token: string) {
    this.#digest = digest(token)
  }

  /** @throws {HttpProblem} `UNAUTHORIZED` */
  check(authorization: string | undefined): void {
    const given = tokenOf(authorization)
    if (given !== undefined && timingSafeEqual(digest(given), this.#digest)) return
    throw new HttpProblem('UNAUTHORIZED', given === undefined ? 'no token was given' : 'the token is not valid', {
      headers: { 'WWW-Authenticate': 'Bearer realm="brook", Basic realm="brook (any name, the token as password)"' },
    })
  }
}

/** Names under which this machine alone is reached. A page of another site that had its name point here would carry its own. */
export function isLoopbackName(host: string): boolean {
  const name = host.replace(/^\[(.*)\]$/, '$1').toLowerCase()
  return name === 'localhost' || name.endsWith('.localhost') || name === '::1' || /^127(\.\d{1,3}){3}$/.test(name)
}

/** The name in a `Host` header, without the port. */
export function hostName(header: string | undefined): string {
  return (header ?? '').replace(/:\d*$/, '')
}

/** Whether a request that changes something was made by a page of another site. */
export function isForeignOrigin(headers: {
  readonly host?: string | undefined
  readonly origin?: string | undefined
  readonly fetchSite?: string | undefined
}): boolean {
  if (headers.fetchSite !== undefined && !['same-origin', 'none'].includes(headers.fetchSite)) return true
  if (headers.origin === undefined) return false
  return !URL.canParse(headers.origin) || new URL(headers.origin).host !== headers.host?.toLowerCase()
}

function tokenOf(authorization: string | undefined): string | undefined {
  const match = /^(bearer|basic) +(\S+)$/i.exec(authorization ?? '')
  const [, scheme, credentials] = match ?? []
  if (scheme === undefined || credentials === undefined) return undefined
  if (scheme.toLowerCase() === 'bearer') return credentials
  const pair = Buffer.from(credentials, 'base64').toString('utf8')
  return pair.slice(pair.indexOf(':') + 1)
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token, 'utf8').digest()
}
