import type { Request } from 'express'
import { ipKeyGenerator, rateLimit } from 'express-rate-limit'
import type { Clock } from '../common/clock.ts'
import { HttpProblem } from './problem.ts'

export interface RateLimit {
  readonly windowMs: number
  /** Requests of one address in that time. */
  readonly limit: number
}

const WRONG_TOKENS: RateLimit = { windowMs: 60_000, limit: 20 }

/** Refuses an address that asks too often; `exempt` requests do not count. */
export function requestLimit({ windowMs, limit }: RateLimit, exempt: (request: Request) => boolean) {
  return rateLimit({
    windowMs,
    limit,
    standardHeaders: 'draft-8',
    legacyHeaders: false,
    skip: exempt,
    handler: (_request, _response, next) => next(tooMany(windowMs)),
  })
}

/** Addresses that are remembered for their wrong tokens. */
const MAX_ADDRESSES = 10_000

/** Refuses an address that guesses tokens. Only wrong ones count, however long answers to right ones take: a live stream never ends. */
export class WrongTokens {
  readonly #clock: Clock
  readonly #wrong = new Map<string, { count: number; readonly untilMs: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @throws {HttpProblem} `RATE` when the address has been wrong too often, whatever it sends now. */
  check(ip: string | undefined): void {
    const entry = this.#entry(ip)
    if (entry !== undefined && entry.count >= WRONG_TOKENS.limit) throw tooMany(WRONG_TOKENS.windowMs)
  }

  wasWrong(ip: string | undefined): void {
    const entry = this.#entry(ip)
    if (entry !== undefined) {
      entry.count++
      return
    }
    const [oldest] = this.#wrong.keys()
    if (this.#wrong.size >= MAX_ADDRESSES && oldest !== undefined) this.#wrong.delete(oldest)
    this.#wrong.set(keyOf(ip), { count: 1, untilMs: this.#clock.nowMs() + WRONG_TOKENS.windowMs })
  }

  #entry(ip: string | undefined) {
    const entry = this.#wrong.get(keyOf(ip))
    if (entry === undefined || entry.untilMs > this.#clock.nowMs()) return entry
    this.#wrong.delete(keyOf(ip))
    return undefined
  }
}

/** Of IPv6 the network: one machine has many addresses of it. */
function keyOf(ip: string | undefined): string {
  return ip === undefined ? 'unknown' : ipKeyGenerator(ip)
}

function tooMany(windowMs: number): HttpProblem {
  return new HttpProblem('RATE', 'too many requests', { retryAfterS: Math.ceil(windowMs / 1_000) })
}
