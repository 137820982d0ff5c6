import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { cached, withLock } from './cache.ts'

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'brook-cache-'))
  vi.stubEnv('BROOK_CACHE_DIR', root)
})

afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(root, { recursive: true, force: true })
})

describe('cached', () => {
  const fillWith = (text: string) =>
    vi.fn(async (folder: string) => {
      await writeFile(join(folder, 'jar'), text)
    })

  test('fills a folder once, also for many that want it at the same time', async () => {
    const fill = fillWith('a')
    const folders = await Promise.all(Array.from({ length: 5 }, () => cached('kafka', '1', fill)))
    expect(new Set(folders)).toEqual(new Set([join(root, 'kafka')]))
    expect(fill).toHaveBeenCalledTimes(1)
  })

  test('fills it anew when other content is wanted', async () => {
    await cached('kafka', '1', fillWith('a'))
    const folder = await cached('kafka', '2', fillWith('b'))
    expect(await readFile(join(folder, 'jar'), 'utf8')).toBe('b')
  })

  test('a failure leaves nothing behind, and the next one tries again', async () => {
    const failing = async (folder: string) => {
      await writeFile(join(folder, 'jar'), 'half')
      throw new Error('the network is away')
    }
    await expect(cached('kafka', '1', failing)).rejects.toThrow('the network is away')
    expect(await readdir(root)).toEqual([])
    const folder = await cached('kafka', '1', fillWith('whole'))
    expect(await readFile(join(folder, 'jar'), 'utf8')).toBe('whole')
  })
})

describe('withLock', () => {
  test('the lock of a process that is gone is taken over', async () => {
    const file = join(root, 'x.lock')
    await writeFile(file, '999999999')
    const body = vi.fn(async () => {})
    await withLock(file, body)
    expect(body).toHaveBeenCalledOnce()
  })

  test('one at a time', async () => {
    const file = join(root, 'x.lock')
    let inside = 0
    let most = 0
    const body = async () => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setTimeout(resolve, 20))
      inside--
    }
    await Promise.all([withLock(file, body), withLock(file, body), withLock(file, body)])
    expect(most).toBe(1)
  })
})
