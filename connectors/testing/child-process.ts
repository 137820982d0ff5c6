import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { MqttChildOptions } from './mqtt-child.ts'

export interface RunningChild {
  readonly url: string
  readonly process: ChildProcess
  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void>
}

/** Resolves once its connector runs; rejects with what it wrote when it ends before. */
export function startMqttChild(options: MqttChildOptions): Promise<RunningChild> {
  const program = fileURLToPath(new URL('./mqtt-child.ts', import.meta.url))
  const child = fork(program, [JSON.stringify(options)], { execArgv: [], stdio: ['ignore', 'inherit', 'pipe', 'ipc'] })
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  return new Promise((resolve, reject) => {
    child.once('message', (url) =>
      resolve({
        url: String(url),
        process: child,
        kill: () => {
          child.kill('SIGKILL')
          return exited
        },
      }),
    )
    child.once('exit', (code) => reject(new Error(`the child ended with ${code}: ${said}`)))
  })
}
