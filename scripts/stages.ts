import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Tally, tallyVitest } from './test-report.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const RESULTS = join(ROOT, 'test-results')
export const MINUTE_MS = 60_000

export interface Stage {
  readonly name: string
  readonly run: () => Promise<Tally>
}

/** A program whose exit code says it all; it counts as one test. */
export function check(name: string, command: string, args: readonly string[]): Stage {
  return {
    name,
    run: async () => {
      const exitCode = await execute(command, args, { limitMs: 10 * MINUTE_MS })
      if (exitCode === 0) return { passed: 1, failed: 0, remarks: [] }
      return { passed: 0, failed: 1, remarks: [`${name} ended with exit code ${exitCode}`] }
    },
  }
}

/** The tests of a project, all or those that `args` name. */
export function vitest(project: string, limitMs: number): Stage {
  return { name: project, run: () => runVitest(project, ['run', '--project', project], { limitMs }) }
}

export interface Limits {
  readonly limitMs: number
  /** Set beside what is in the environment. */
  readonly env?: Readonly<Record<string, string>>
}

/** Runs vitest and counts what it reports; `name` is that of the file of results. */
export async function runVitest(name: string, args: readonly string[], limits: Limits): Promise<Tally> {
  const file = join(RESULTS, `${name}.json`)
  await rm(file, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const exitCode = await execute('vitest', [...args, ...reporters], limits)
  return tallyVitest(await readFile(file, 'utf8').catch(() => undefined), exitCode)
}

/** Runs a program of node_modules/.bin with its output shown; past `limitMs` it is ended. Gives the exit code, -1 without one. */
function execute(command: string, args: readonly string[], { limitMs, env }: Limits): Promise<number> {
  return new Promise((resolve) => {
    const stdio = ['ignore', 'inherit', 'inherit'] as const
    const child: ChildProcess = spawn(command, args, { cwd: ROOT, stdio: [...stdio], env: { ...process.env, ...env } })
    const timer = setTimeout(() => {
      console.error(`${command} took longer than ${limitMs / MINUTE_MS} minutes and is ended`)
      child.kill('SIGTERM')
      setTimeout(() => child.kill('SIGKILL'), 10_000).unref()
    }, limitMs)
    const finish = (exitCode: number) => {
      clearTimeout(timer)
      resolve(exitCode)
    }
    child.once('error', (error) => {
      console.error(`${command} cannot be started: ${error.message}`)
      finish(-1)
    })
    child.once('exit', (code) => finish(code ?? -1))
  })
}

/** Runs the stages that are wanted (none named: all), sums them up in the last line; whether all is well. */
export async function runStages(stages: readonly Stage[], wanted: readonly string[]): Promise<boolean> {
  const unknown = wanted.filter((name) => !stages.some((stage) => stage.name === name))
  if (unknown.length > 0) {
    console.error(`unknown stage ${unknown.join(', ')}; there are: ${stages.map((stage) => stage.name).join(', ')}`)
    return false
  }
  await mkdir(RESULTS, { recursive: true })
  const lines: string[] = []
  let passed = 0
  let failed = 0
  for (const stage of stages) {
    if (wanted.length > 0 && !wanted.includes(stage.name)) continue
    console.log(`\n=== ${stage.name}`)
    const startedMs = performance.now()
    const tally = await stage.run()
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
    passed += tally.passed
    failed += tally.failed
    const line = `${stage.name.padEnd(16)} ${tally.passed} ok, ${tally.failed} bad, ${seconds} s`
    lines.push([line, ...tally.remarks.map((remark) => `  ${remark}`)].join('\n'))
    console.log(lines.at(-1))
  }
  console.log(`\n=== summary\n${lines.join('\n')}\n\n${passed} passed, ${failed} failed`)
  return failed === 0 && passed > 0
}
