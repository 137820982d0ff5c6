import { describe, it } from 'vitest'
import { churn } from '../fault/churn.ts'
import { soakLimitMs, soakMs } from '../support/soak.ts'

describe('for long, instances of a loaded application under exactly once', () => {
  it('lose and double nothing while they join and leave every few seconds, also by kill -9', {
    timeout: soakLimitMs(),
  }, async () => {
    const seed = Math.trunc(Math.random() * 2 ** 31)
    const say = (line: string): boolean => process.stderr.write(`${line}\n`)
    await churn({ forMs: soakMs(), recordsPerSecond: 1_000, seed, say })
  })
})
