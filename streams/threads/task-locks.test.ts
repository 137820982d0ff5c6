import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { openRocksdbDatabase } from '../../stores/database/rocksdb-database.ts'
import { TaskLocks } from './task-locks.ts'

describe('task locks', () => {
  test('a free task is granted at once, one that is open when it is closed', () => {
    const locks = new TaskLocks()
    const grants: string[] = []
    const release = locks.acquire('0_1', 'a', () => grants.push('a'))
    locks.acquire('0_1', 'b', () => grants.push('b'))
    locks.acquire('0_2', 'b', () => grants.push('b of 0_2'))
    expect(grants).toEqual(['a', 'b of 0_2'])
    release()
    expect(grants).toEqual(['a', 'b of 0_2', 'b'])
    expect(locks.ownerOf('0_1')).toBe('b')
  })

  test('who gives up waiting is passed over', () => {
    const locks = new TaskLocks()
    const grantB = vi.fn()
    const grantC = vi.fn()
    const release = locks.acquire('0_1', 'a', () => {})
    const giveUp = locks.acquire('0_1', 'b', grantB)
    locks.acquire('0_1', 'c', grantC)
    giveUp()
    expect(locks.ownerOf('0_1')).toBe('a')
    release()
    expect(grantB).not.toHaveBeenCalled()
    expect(grantC).toHaveBeenCalledOnce()
  })

  test('releasing twice takes nothing from the next owner', () => {
    const locks = new TaskLocks()
    const release = locks.acquire('0_1', 'a', () => {})
    release()
    locks.acquire('0_1', 'b', () => {})
    release()
    expect(locks.ownerOf('0_1')).toBe('b')
  })

  test('a thread that opens a task again waits for itself to have closed it', () => {
    const locks = new TaskLocks()
    const again = vi.fn()
    const release = locks.acquire('0_1', 'a', () => {})
    locks.acquire('0_1', 'a', again)
    expect(again).not.toHaveBeenCalled()
    release()
    expect(again).toHaveBeenCalledOnce()
  })

  test('what an ended thread had and waited for is free', () => {
    const locks = new TaskLocks()
    const grantB = vi.fn()
    locks.acquire('0_1', 'a', () => {})
    locks.acquire('0_1', 'b', grantB)
    locks.acquire('0_2', 'b', () => {})
    locks.acquire('0_2', 'a', () => {})
    expect([...locks.held]).toEqual(['0_1', '0_2'])
    locks.releaseAll('a')
    expect(grantB).toHaveBeenCalledOnce()
    expect([...locks.held]).toEqual(['0_1', '0_2'])
    locks.releaseAll('b')
    expect([...locks.held]).toEqual([])
  })
})

test('the database of a task is opened when the thread that had it has closed it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'brook-locks-'))
  const locks = new TaskLocks()
  const openIn = (owner: string) =>
    openRocksdbDatabase(
      directory,
      (taskId) =>
        new Promise((resolve) => {
          const release = locks.acquire(taskId, owner, () => resolve(() => release()))
        }),
    )
  const first = await openIn('a')('0_1')
  const events: string[] = []
  const opening = openIn('b')('0_1').then((database) => {
    events.push('opened')
    return database
  })
  await first.write({
    puts: [[Buffer.from('\0\u0005key'), Buffer.from('value')]],
    rangeDeletes: [],
    offsets: new Map(),
  })
  events.push('closing')
  await first.close()
  const second = await opening
  expect(events).toEqual(['closing', 'opened'])
  expect(String(await second.get(Buffer.from('\0\u0005key')))).toBe('value')
  await second.close()
  expect(locks.ownerOf('0_1')).toBeUndefined()
  await rm(directory, { recursive: true })
})
