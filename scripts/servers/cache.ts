import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const STAMP = '.complete'

/** Where downloaded servers are kept between runs, outside the repository. */
export function cacheDirectory(): string {
  const given = process.env['BROOK_CACHE_DIR']
  if (given) return given
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'brook')
}

/**
 * The folder `name` of the cache, filled by `fill` when it is not there whole. `stamp` says what must be in it: with
 * another stamp it is filled anew. Processes that want the same folder at the same time wait for the one that fills it;
 * one that dies half-way leaves nothing that looks whole.
 */
export async function cached(name: string, stamp: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const root = cacheDirectory()
  const folder = join(root, name)
  if (await isComplete(folder, stamp)) return folder
  await mkdir(root, { recursive: true })
  await withLock(join(root, `${name}.lock`), async () => {
    if (await isComplete(folder, stamp)) return
    const unfinished = `${folder}.${randomUUID()}.part`
    try {
      await mkdir(unfinished)
      await fill(unfinished)
      await writeFile(join(unfinished, STAMP), stamp)
      await rm(folder, { recursive: true, force: true })
      await rename(unfinished, folder)
    } finally {
      await rm(unfinished, { recursive: true, force: true })
    }
  })
  return folder
}

async function isComplete(folder: string, stamp: string): Promise<boolean> {
  return (await readFile(join(folder, STAMP), 'utf8').catch(() => undefined)) === stamp
}

/** Runs `body` while this process alone has the lock file; the lock of a process that is gone counts for nothing. */
export async function withLock(file: string, body: () => Promise<void>): Promise<void> {
  while (!(await tryLock(file))) await sleep(200)
  try {
    await body()
  } finally {
    await rm(file, { force: true })
  }
}

async function tryLock(file: string): Promise<boolean> {
  try {
    const handle = await open(file, 'wx')
    await handle.writeFile(String(process.pid))
    await handle.close()
    return true
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
  if (await isStale(file)) {
    // Renaming first: of several that find the lock stale, one only may take it away.
    const taken = `${file}.${randomUUID()}`
    await rename(file, taken).catch(() => undefined)
    await rm(taken, { force: true })
  }
  return false
}

async function isStale(file: string): Promise<boolean> {
  const holder = Number(await readFile(file, 'utf8').catch(() => ''))
  // Empty: its maker is between creating and writing it, or died there.
  if (!holder) return Date.now() - ((await stat(file).catch(() => undefined))?.mtimeMs ?? Date.now()) > 10_000
  try {
    process.kill(holder, 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}
