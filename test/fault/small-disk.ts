import { execFile } from 'node:child_process'
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const execute = promisify(execFile)
const SIZE = '16m'
const BLOCK = Buffer.alloc(4_096)
/** A database that gives up sets room free, which is taken as well. */
const REFILL_MS = 20

/** A place for state that can be full. */
export interface SmallDisk {
  readonly directory: string
  /** How it is done, for the report. */
  readonly means: string
  /** From now on there is no room, for these processes at least. */
  fill(pids: readonly number[]): Promise<void>
  makeRoom(pids: readonly number[]): Promise<void>
  /** What a process has to be started with while it is full. */
  readonly launcher: readonly string[]
  remove(): Promise<void>
}

/**
 * A small file system in memory where this process may mount one, which a file fills to the last byte. Elsewhere (containers without
 * the right to mount) a limit of 0 bytes for the size of files, which the kernel sets and lifts for running processes: every write to a file fails.
 * @throws {Error} when neither works, with what is missing
 */
export async function smallDisk(): Promise<SmallDisk> {
  const directory = await mkdtemp(join(tmpdir(), 'brook-small-disk-'))
  try {
    await execute('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'brook-small-disk', directory])
    return mounted(directory)
  } catch (mountError) {
    try {
      await execute('prlimit', ['--pid', String(process.pid), '--fsize'])
      return limited(directory)
    } catch (limitError) {
      await rm(directory, { recursive: true, force: true })
      throw new Error(
        `a full disk cannot be had here: neither a mount (${String(mountError)}) nor prlimit of util-linux (${String(limitError)})`,
      )
    }
  }
}

function mounted(directory: string): SmallDisk {
  const balloon = join(directory, 'balloon')
  let full = false
  let filling: Promise<void> = Promise.resolve()
  return {
    directory,
    means: `a file system of ${SIZE}`,
    launcher: [],
    async fill() {
      await fillUp(balloon)
      full = true
      filling = (async () => {
        for (; full; await sleep(REFILL_MS)) await fillUp(balloon)
      })()
    },
    async makeRoom() {
      full = false
      await filling
      await rm(balloon)
    },
    async remove() {
      full = false
      await filling
      await execute('umount', ['--lazy', directory])
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function fillUp(path: string): Promise<void> {
  const file = await open(path, 'a')
  try {
    for (;;) await file.appendFile(BLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    await file.close()
  }
}

function limited(directory: string): SmallDisk {
  const limit = async (pids: readonly number[], bytes: string): Promise<void> => {
    for (const pid of pids) await execute('prlimit', ['--pid', String(pid), `--fsize=${bytes}:`])
  }
  return {
    directory,
    means: 'a limit of file sizes',
    launcher: ['prlimit', '--fsize=0:'],
    fill: (pids) => limit(pids, '0'),
    makeRoom: (pids) => limit(pids, 'unlimited'),
    async remove() {
      await rm(directory, { recursive: true, force: true })
    },
  }
}
