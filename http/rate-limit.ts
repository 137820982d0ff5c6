import type { Request } from 'express'
import { rateLimit } from 'express-rate-limit'
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

/** Refuses an address that guesses tokens. */
export function wrongTokenLimit() {
  return rateLimit({
    ...WRONG_TOKENS,
    standardHeaders: false,
    legacyHeaders: false,
    skipSuccessfulRequests: true,
    requestWasSuccessful: (_request, response) => response.statusCode !== 401,
    handler: (_request, _response, next) => next(tooMany(WRONG_TOKENS.windowMs)),
  })
}

function tooMany(windowMs: number): HttpProblem {
  return new HttpProblem('RATE', 'too many requests', { retryAfterS: Math.ceil(windowMs / 1_000) })
}
