import { expect, test } from 'vitest'
import { writeOutcome } from './write-outcome.ts'

const NOW = Date.UTC(2026, 0, 1)
const outcome = (status: number, body = '', retryAfter: string | null = null) =>
  writeOutcome(status, body, retryAfter, 3, NOW)

test.each([200, 204])('%d: all lines are written', (status) => {
  expect(outcome(status)).toEqual({ kind: 'written' })
})

test.each([
  [400, '{"error":"partial write: unable to parse \'x\': missing fields dropped=0"}', false],
  [400, '{"error":"partial write: points beyond retention policy dropped=3"}', true],
  [422, '{"code":"unprocessable entity","message":"partial write: field type conflict: … dropped=1"}', false],
  [400, '{"code":"invalid","message":"unable to parse \'x\': missing fields"}', false],
])('%d %s: some lines are bad', (status, body, all) => {
  expect(outcome(status, body)).toMatchObject({ kind: 'bad lines', all })
})

test('the reason is what the server says, in the words of any of its versions, and is cut', () => {
  const reasonOf = (body: string) =>
    'reason' in outcome(400, body) ? (outcome(400, body) as { reason: string }).reason : ''
  expect(reasonOf('{"error":"bad"}')).toBe('InfluxDB answers 400: bad')
  expect(reasonOf('{"code":"invalid","message":"worse"}')).toBe('InfluxDB answers 400: worse')
  expect(reasonOf('<html>')).toBe('InfluxDB answers 400: <html>')
  expect(reasonOf('')).toBe('InfluxDB answers 400: it does not say why')
  expect(reasonOf('x'.repeat(10_000)).length).toBeLessThan(600)
})

test.each([
  ['7', 7_000],
  ['0', 0],
  ['0.5', 500],
  [new Date(NOW + 30_000).toUTCString(), 30_000],
  [new Date(NOW - 30_000).toUTCString(), 0],
  ['86400', 300_000],
  ['soon', undefined],
  ['', undefined],
  [null, undefined],
])('Retry-After %s', (header, expected) => {
  for (const status of [429, 503]) {
    const said = outcome(status, '', header)
    expect(said).toMatchObject({ kind: 'unavailable' })
    expect('retryAfterMs' in said ? said.retryAfterMs : undefined).toBe(expected)
  }
})

test.each([401, 403, 404, 301])('%d needs somebody who mends it', (status) => {
  expect(outcome(status)).toMatchObject({ kind: 'refused' })
})

test.each([408, 500, 502, 504])('%d passes', (status) => {
  expect(outcome(status)).toMatchObject({ kind: 'unavailable' })
})

test('413 asks for less', () => {
  expect(outcome(413)).toMatchObject({ kind: 'too large' })
})
