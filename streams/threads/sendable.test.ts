import { createSecureContext } from 'node:tls'
import { expect, test } from 'vitest'
import { unsendableParts } from './sendable.ts'

class Service {
  readonly ask = () => 1
}

test.each([
  ['text', []],
  [{ brokers: ['a:1'], ssl: { ca: [Buffer.from('pem')], rejectUnauthorized: true }, sasl: { password: 'x' } }, []],
  [() => 1, [{ path: '', reason: 'it is a function' }]],
  [
    { ssl: { ca: 'pem', checkServerIdentity: () => undefined }, hooks: [1, () => 2] },
    [
      { path: 'ssl.checkServerIdentity', reason: 'it is a function' },
      { path: 'hooks.1', reason: 'it is a function' },
    ],
  ],
  [{ clock: new Service() }, [{ path: 'clock', reason: 'it is a Service, which is bound to its thread' }]],
  [
    { ssl: { secureContext: createSecureContext() } },
    [{ path: 'ssl.secureContext', reason: 'it is a SecureContext, which is bound to its thread' }],
  ],
])('%j', (value, expected) => {
  expect(unsendableParts(value)).toEqual(expected)
})
