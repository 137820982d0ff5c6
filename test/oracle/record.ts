import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { cached } from '../../scripts/servers/cache.ts'
import { MissingPartError } from '../../scripts/servers/errors.ts'
import { requireJava } from '../../scripts/servers/java.ts'
import { lastLines, run } from '../../scripts/servers/run.ts'
import { type Recording, recordingFile } from './recording.ts'

const HELP = `Runs the scenarios of test/oracle on Kafka Streams and records what they do.

Usage: npm run oracle -- [options] [area …]      (default: every area)
  --check   writes nothing; ends with 1 when a recording would differ
  --help    shows this

Needs a JDK of 17 or later and Maven.
`
const VERSION = '4.3.1'
const SOURCES = join(import.meta.dirname, 'java', 'src', 'main', 'java')
const POM = join(import.meta.dirname, 'java', 'pom.xml')
const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies'
/** What the areas are made of, not areas themselves. */
const SHARED: readonly string[] = ['Area', 'Oracle', 'Scenario']
const RUN_MS = 600_000

const { values, positionals } = parseArgs({
  options: { check: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } },
  allowPositionals: true,
})
if (values.help) process.stdout.write(HELP)
else process.exitCode = await main(positionals, values.check)

async function main(wanted: readonly string[], check: boolean): Promise<number> {
  const areas = await areaClasses()
  const unknown = wanted.filter((area) => !areas.has(area))
  if (unknown.length > 0) {
    process.stderr.write(`there is no area ${unknown.join(', ')}; there are ${[...areas.keys()].join(', ')}\n`)
    return 2
  }
  const chosen = wanted.length === 0 ? [...areas.keys()] : wanted
  const work = await mkdtemp(join(tmpdir(), 'brook-oracle-'))
  try {
    await recordOnJvm(
      work,
      chosen.map((area) => areas.get(area) as string),
    )
    let differences = 0
    for (const area of chosen) differences += await settle(area, join(work, `${areas.get(area)}.json`), check)
    process.stdout.write(differences === 0 ? 'no difference\n' : `${differences} scenarios differ\n`)
    return check && differences > 0 ? 1 : 0
  } finally {
    await rm(work, { recursive: true, force: true })
  }
}

/** `foreign-keys` → `ForeignKeys`, by the files that are there. */
async function areaClasses(): Promise<ReadonlyMap<string, string>> {
  const files = await readdir(join(SOURCES, 'brook', 'oracle'))
  const names = files.map((file) => file.replace(/\.java$/, '')).filter((name) => !SHARED.includes(name))
  return new Map(names.sort().map((name) => [name.replace(/(?<=.)[A-Z]/g, '-$&').toLowerCase(), name]))
}

async function recordOnJvm(work: string, classes: readonly string[]): Promise<void> {
  const java = await requireJava(17, 'the oracle')
  const libraries = join(await jars(), '*')
  const compiled = join(work, 'classes')
  const sources = ['Oracle', ...classes].map((name) => join(SOURCES, 'brook', 'oracle', `${name}.java`))
  process.stderr.write(`compiling ${classes.join(', ')}\n`)
  const javac = join(dirname(java.path), 'javac')
  await must(javac, ['-nowarn', '-d', compiled, '-cp', libraries, '-sourcepath', SOURCES, ...sources], 'a JDK')
  process.stderr.write(`running them on Kafka Streams ${VERSION}\n`)
  const classPath = [compiled, libraries].join(delimiter)
  const quiet = '-Dorg.slf4j.simpleLogger.defaultLogLevel=off'
  const { output } = await must(
    java.path,
    ['-Xmx2g', quiet, `-Djava.io.tmpdir=${work}`, '-cp', classPath, 'brook.oracle.Oracle', work, VERSION, ...classes],
    'Java',
  )
  process.stderr.write(output)
}

/** The jars of Kafka Streams and its test driver, fetched once. */
async function jars(): Promise<string> {
  const stamp = createHash('sha256')
    .update(await readFile(POM))
    .digest('hex')
  return cached('oracle-kafka-streams', stamp, async (folder) => {
    process.stderr.write('fetching Kafka Streams with Maven\n')
    await must('mvn', ['-B', '-q', '-f', POM, COPY_DEPENDENCIES, `-DoutputDirectory=${folder}`], 'Maven')
  })
}

async function must(command: string, args: readonly string[], part: string) {
  const result = await run(command, args, { timeoutMs: RUN_MS }).catch(() => undefined)
  if (result === undefined)
    throw new MissingPartError(
      `the oracle needs ${part}, and ${command} was not found (Debian: sudo apt-get install openjdk-17-jdk-headless maven)`,
    )
  if (result.exitCode !== 0) throw new Error(`${command} failed:\n${lastLines(result.output, 30)}`)
  return result
}

/** Compares a new recording with the one that is there and, unless only a check is wanted, puts it in its place. */
async function settle(area: string, file: string, check: boolean): Promise<number> {
  const text = await readFile(file)
  const now = JSON.parse(text.toString('utf8')) as Recording
  const golden = recordingFile(area)
  const before = existsSync(golden)
    ? (JSON.parse(gunzipSync(await readFile(golden)).toString('utf8')) as Recording)
    : { version: VERSION, scenarios: {} }
  const names = new Set([...Object.keys(before.scenarios), ...Object.keys(now.scenarios)])
  const differing = [...names].filter(
    (name) => JSON.stringify(before.scenarios[name]) !== JSON.stringify(now.scenarios[name]),
  )
  process.stdout.write(`${area}: ${Object.keys(now.scenarios).length} scenarios, ${differing.length} differ\n`)
  for (const name of differing.slice(0, 20)) process.stdout.write(`  ${name}\n`)
  if (!check && differing.length > 0) await writeFile(golden, gzipSync(text, { level: 9 }))
  return differing.length
}
