/** `npm run bench`: the jobs of `jobs/` on a real Kafka, each run a process of its own. `--help` says more. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs, promisify } from 'node:util'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'
import {
  type BenchCase,
  cases,
  DRIVER_CASES,
  type DriverCase,
  MQTT_CASES,
  type MqttCase,
  type RestoreCase,
  restoreCases,
} from './harness/cases.ts'
import { kafkaStreamsJobs } from './harness/kafka-streams.ts'
import type { CaseResult, Measured } from './harness/measured.ts'
import { runMqtt } from './harness/mqtt.ts'
import { machine, markdown, withRows, withTable } from './harness/table.ts'
import type { AppOptions } from './jobs/app.ts'
import { load } from './jobs/load.ts'
import { fillChangelog, type RestoreAppOptions } from './jobs/restore-app.ts'

const HELP = `Measures records per second and CPU per record on a real Kafka that is started for it.

Usage: npm run bench -- [options]
  --records <n>  records per run (default 2000000)
  --runs <n>     runs per job, interleaved; the table has their medians (default 3)
  --only <text>  jobs whose name has this text
  --jvm          every job on Kafka Streams 4.3.1 too, on the JVM (needs Java 17 and Maven)
  --write        puts the table into docs/benchmarks.md; with --only, these rows of it
  --help         shows this
`
const APP = join(import.meta.dirname, 'jobs', 'app.ts')
const RESTORE_APP = join(import.meta.dirname, 'jobs', 'restore-app.ts')
const DRIVER = join(import.meta.dirname, 'driver.ts')
const DOCUMENT = join(import.meta.dirname, '..', '..', 'docs', 'benchmarks.md')
const RUN_MS = 180_000
const run = promisify(execFile)

type Case = BenchCase | DriverCase | RestoreCase | MqttCase

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '2000000' },
    runs: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    jvm: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}
const records = positive('records', values.records)
const runs = positive('runs', values.runs)
const chosen = [...cases(values.jvm), ...restoreCases(values.jvm), ...DRIVER_CASES, ...MQTT_CASES].filter(({ name }) =>
  name.includes(values.only),
)
const say = (line: string): void => void process.stderr.write(`${line}\n`)
const jvm = values.jvm ? await kafkaStreamsJobs(say) : undefined
const directory = await mkdtemp(join(tmpdir(), 'brook-bench-kafka-'))
say('starting Kafka')
const cluster = await KafkaCluster.start({ directory, optimise: true, maxHeapMb: 1024, progress: say })
try {
  await fill()
  const results = await measure()
  const table = markdown(results)
  const text = `${machine()}; ${records.toLocaleString('en-US')} records in 2 partitions, ${runs} ${runs === 1 ? 'run' : 'runs'}.\n\n${table}`
  process.stdout.write(`${text}\n`)
  if (values.write) {
    const document = await readFile(DOCUMENT, 'utf8')
    await writeFile(DOCUMENT, values.only === '' ? withTable(document, text) : withRows(document, table))
  }
} finally {
  await cluster.stop()
  await rm(directory, { recursive: true, force: true })
}

async function fill(): Promise<void> {
  const kafka = createKafkaProvider({ brokers: cluster.brokers.split(',') })
  for (const benchCase of chosen) {
    if (!isRestore(benchCase)) continue
    say(`writing the changelog of ${benchCase.keys.toLocaleString('en-US')} keys`)
    await fillChangelog(kafka, benchCase.engine, benchCase.keys)
  }
  const keyed = chosen.filter((c): c is BenchCase => c.engine === 'brook' || c.engine === 'kafka-streams')
  for (const keys of new Set(keyed.map((c) => c.keys))) {
    say(`writing ${records.toLocaleString('en-US')} records of ${keys.toLocaleString('en-US')} keys`)
    await load(kafka, topicOf(keys), records, keys)
  }
  await kafka.close()
}

async function measure(): Promise<readonly CaseResult[]> {
  const results = chosen.map(({ name }) => ({ name, runs: [] as Measured[] }))
  for (let round = 1; round <= runs; round++) {
    for (const [i, benchCase] of chosen.entries()) {
      // No run pays for what the one before it has left to be written.
      await run('sync')
      const measured = await runOnce(benchCase)
      results[i]?.runs.push(measured)
      say(
        `${round}/${runs} ${benchCase.name}: ${Math.round(measured.recordsPerSecond / 1_000)} k/s, ${measured.cpuMicrosPerRecord.toFixed(2)} µs`,
      )
    }
  }
  return results
}

async function runOnce(benchCase: Case): Promise<Measured> {
  if (benchCase.engine === 'mqtt') return runMqtt(benchCase, cluster.brokers, Math.ceil(records * benchCase.share))
  if (benchCase.engine === 'driver') return runDriver(benchCase)
  if (isRestore(benchCase)) return runRestore(benchCase)
  const { keys, engine, options } = benchCase
  const job: AppOptions = { ...options, brokers: cluster.brokers, topic: topicOf(keys), records }
  if (engine === 'kafka-streams' && jvm !== undefined) return jvm.run(job)
  const { stdout } = await run(process.execPath, [APP, JSON.stringify(job)], { timeout: RUN_MS })
  return JSON.parse(stdout) as Measured
}

async function runDriver({ keys, commit }: DriverCase): Promise<Measured> {
  const { stdout } = await run(process.execPath, [DRIVER, ...[records, keys, commit].map(String)], { timeout: RUN_MS })
  return JSON.parse(stdout) as Measured
}

function isRestore(benchCase: Case): benchCase is RestoreCase {
  return benchCase.engine === 'restore' || benchCase.engine === 'restore-kafka-streams'
}

async function runRestore({ keys, engine }: RestoreCase): Promise<Measured> {
  const options: RestoreAppOptions = { brokers: cluster.brokers, applicationId: engine, records: keys }
  if (engine === 'restore-kafka-streams' && jvm !== undefined) return jvm.restore(options)
  const { stdout } = await run(process.execPath, [RESTORE_APP, JSON.stringify(options)], { timeout: RUN_MS })
  return JSON.parse(stdout) as Measured
}

function topicOf(keys: number): string {
  return `bench-${keys}`
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value > 0) return value
  process.stderr.write(`--${name} must be a positive whole number, got ${text}\n`)
  process.exit(2)
}
