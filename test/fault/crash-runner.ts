import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'

const APP = join(import.meta.dirname, 'crash-app.ts')

/** What is in the store and in the output at the end. */
export interface Finished {
  readonly store: Record<string, number>
  /** The counts of each word in the order in which they were sent. */
  readonly output: Record<string, number[]>
}

interface Outcome {
  readonly signal: NodeJS.Signals | null
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

async function run(env: NodeJS.ProcessEnv, ...args: readonly string[]): Promise<Outcome> {
  const child = spawn(process.execPath, [APP, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (data) => (stdout += data))
  child.stderr.on('data', (data) => (stderr += data))
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr })))
}

/** Kills the word count when it reaches this step of a commit first (or in its 100th call), then for the third time (300th), and lets it finish. */
export async function crashAndFinish(
  guarantee: string,
  step: number | 'call',
  env: NodeJS.ProcessEnv = {},
): Promise<Finished> {
  const directory = await mkdtemp(join(tmpdir(), 'brook-crash-'))
  try {
    for (const commit of ['1', '3']) {
      const crashed = await run(env, directory, guarantee, String(step), commit)
      expect(crashed.signal, crashed.stderr).toBe('SIGKILL')
    }
    const finished = await run(env, directory, guarantee)
    expect(finished.code, finished.stderr).toBe(0)
    return JSON.parse(finished.stdout) as Finished
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}
