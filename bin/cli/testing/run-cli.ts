import { runCli } from '../cli.ts'

export interface CliRun {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** One command line in this process, with what it said. */
export async function brook(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliRun> {
  let out = ''
  let err = ''
  const code = await runCli(args, env, {
    out: (text) => {
      out += text
    },
    err: (text) => {
      err += text
    },
    isTerminal: false,
  })
  return { code, out, err }
}

/** The document of a command with `--json`. */
export async function brookJson<T>(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<T> {
  const { out, err } = await brook([...args, '--json'], env)
  if (out === '') throw new Error(`brook ${args.join(' ')} gave no document: ${err}`)
  return JSON.parse(out) as T
}
