import { describe, it } from 'vitest'
import { churn } from './churn.ts'

describe('on a real broker, instances of a loaded application under exactly once', () => {
  it('lose and double nothing while they join and leave every few seconds, also by kill -9', {
    timeout: 240_000,
  }, async () => {
    const say = (line: string): boolean => process.stderr.write(`${line}\n`)
    await churn({ forMs: 16_000, recordsPerSecond: 1_000, seed: 1, say })
  })
})
