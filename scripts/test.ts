import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Tally, tallyVitest } from './test-report.ts'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const RESULTS = join(ROOT, 'test-results')
const MINUTE_MS = 60_000

interface Stage {
  readonly name: string
  readonly run: () => Promise<Tally>
}

const STAGES: readonly Stage[] = [
  check('format and lint', 'biome', ['check', '--error-on-warnings', '.']),
  check('promises', 'oxlint', ['--type-aware']),
  check('types', 'tsc', ['--noEmit']),
  check('schema types', process.execPath, ['scripts/generate-schema-types.ts', '--check']),
  vitest('unit', 20 * MINUTE_MS),
  vitest('integration', 45 * MINUTE_MS),
]

/** A program whose exit code says it all; it counts as one test. */
function check(name: string, command: string, args: readonly string[]): Stage {
  return {
    name,
    run: async () => {
      const exitCode = await execute(command, args, 10 * MINUTE_MS)
      if (exitCode === 0) return { passed: 1, failed: 0, remarks: [] }
      return { passed: 0, failed: 1, remarks: [`${name} ended with exit code ${exitCode}`] }
    },
  }
}

function vitest(project: string, limitMs: number): Stage {
  return {
    name: project,
    run: async () => {
      const file = join(RESULTS, `${project}.json`)
      await rm(file, { force: true })
      const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
      const exitCode = await execute('vitest', ['run', '--project', project, ...reporters], limitMs)
      return tallyVitest(await readFile(file, 'utf8').catch(() => undefined), exitCode)
    },
  }
}

/** Runs a program of node_modules/.bin with its output shown; past `limitMs` it is ended. Gives the exit code, -1 without one. */
function execute(command: string, args: readonly string[], limitMs: number): Promise<number> {
  return new Promise((resolve) => {
    const child: ChildProcess = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
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

async function main(): Promise<boolean> {
  const wanted = process.argv.slice(2)
  const unknown = wanted.filter((name) => !STAGES.some((stage) => stage.name === name))
  if (unknown.length > 0) {
    console.error(`unknown stage ${unknown.join(', ')}; there are: ${STAGES.map((stage) => stage.name).join(', ')}`)
    return false
  }
  await mkdir(RESULTS, { recursive: true })
  const lines: string[] = []
  let passed = 0
  let failed = 0
  for (const stage of STAGES) {
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

process.exitCode = (await main()) ? 0 : 1
