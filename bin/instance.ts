import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

const MAX_INSTANCES = 64

/** A place of its own for one process among those that share a data directory. */
export interface Instance {
  /** 1 for the first process on this data directory. */
  readonly number: number
  readonly directory: string
  release(): Promise<void>
}

/**
 * Takes the first place in the data directory that no living process has, so that several processes can be started from one
 * folder. A place whose process is gone (killed) is taken over with the state in it.
 */
export async function takeInstance(dataDir: string): Promise<Instance> {
  for (let number = 1; number <= MAX_INSTANCES; number++) {
    const directory = join(dataDir, `instance-${number}`)
    await mkdir(directory, { recursive: true })
    const lock = join(directory, 'process.lock')
    if (!(await take(lock))) continue
    return { number, directory, release: () => rm(lock, { force: true }) }
  }
  throw new Error(`${dataDir} has ${MAX_INSTANCES} processes on it already`)
}

async function take(lock: string): Promise<boolean> {
  for (;;) {
    try {
      const file = await open(lock, 'wx')
      await file.writeFile(String(process.pid))
      await file.close()
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const owner = Number(await readFile(lock, 'utf8').catch(() => ''))
    if (owner !== process.pid && isAlive(owner)) return false
    await rm(lock, { force: true })
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
