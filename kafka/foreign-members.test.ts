import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { silentLogger } from '../common/log.ts'
import { GroupProtocolError } from './errors.ts'
import { ForeignMembers } from './foreign-members.ts'
import type { GroupMemberDescription } from './port.ts'

const SESSION_MS = 6_000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})

afterEach(() => {
  vi.useRealTimers()
})

function foreign(names: readonly string[], warnings: string[] = []): ForeignMembers {
  const members = names.map((clientId): GroupMemberDescription => {
    return { memberId: clientId, clientId, host: '10.0.0.1', userData: Buffer.alloc(0), assignment: { partitions: [] } }
  })
  return new ForeignMembers({
    groupId: 'app',
    protocol: 'brook-streams',
    sessionTimeoutMs: SESSION_MS,
    describe: async () => ({ members }),
    logger: { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) },
  })
}

describe('members of another protocol', () => {
  it('are waited for as long as a session lasts, which the log says once', async () => {
    const warnings: string[] = []
    const others = foreign(['java-1'], warnings)
    await others.met()
    vi.advanceTimersByTime(SESSION_MS)
    await others.met()
    expect(warnings).toHaveLength(1)
  })

  it('that are there after that are alive: the error names them and says what to do', async () => {
    const others = foreign(['java-1', 'java-2'])
    await others.met()
    vi.advanceTimersByTime(SESSION_MS + 3_001)
    const error = await others.met().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(GroupProtocolError)
    expect(String(error)).toMatch(/group app has members.*java-1 at 10\.0\.0\.1, java-2 at.*stop those members first/)
  })

  it('that come back after we were let in are waited for anew', async () => {
    const others = foreign(['java-1'])
    await others.met()
    others.gone()
    vi.advanceTimersByTime(SESSION_MS + 3_001)
    await expect(others.met()).resolves.toBeUndefined()
  })

  it('are not listed without end', async () => {
    const others = foreign(Array.from({ length: 9 }, (_, i) => `java-${i}`))
    await others.met()
    vi.advanceTimersByTime(SESSION_MS + 3_001)
    await expect(others.met()).rejects.toThrow(/java-4 at 10\.0\.0\.1, and 4 more\. /)
  })
})
