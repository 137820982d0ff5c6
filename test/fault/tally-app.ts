/**
 * One instance of the application of `tally-topology.ts`, as a process: `tally-app.ts '<TallyAppOptions as JSON>'`. Prints what it has to
 * say as lines of JSON ({@link Said}), and is told by messages of its parent where in a commit to end or stop itself ({@link CrashPlan}).
 */
import { type Logger, silentLogger } from '../../common/log.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import { KafkaStreams, type ProcessingGuarantee } from '../../streams/index.ts'
import { type CrashPlan, CrashPoint } from './crash-point.ts'
import { tallyTopology } from './tally-topology.ts'

export interface TallyAppOptions {
  readonly brokers: string
  readonly name: string
  readonly instance: string
  readonly stateDir: string
  readonly guarantee: ProcessingGuarantee
  readonly sessionTimeoutMs: number
  readonly numStandbyReplicas: number
}

export interface TallyStatus {
  readonly state: string
  readonly tasks: readonly string[]
}

/** A line of an instance: where it stands, a warning, or that it is about to stop itself. */
export type Said = { readonly status: TallyStatus } | { readonly warning: string } | { readonly stopping: CrashPlan }

const STATUS_MS = 25

function say(said: Said): void {
  process.stdout.write(`${JSON.stringify(said)}\n`)
}

/** Warnings go to the parent. */
function telling(): Logger {
  const warn = (fields: object, message: string): void => {
    const error = 'err' in fields ? fields.err : undefined
    say({ warning: error instanceof Error ? `${message}: ${error.name}: ${error.message}` : message })
  }
  return { ...silentLogger, warn, error: warn, child: telling }
}

async function main(options: TallyAppOptions): Promise<void> {
  const { brokers, name, instance, stateDir, guarantee, sessionTimeoutMs, numStandbyReplicas } = options
  const log = telling()
  const kafka = createKafkaProvider({ brokers: brokers.split(','), logger: log })
  const crash = new CrashPoint()
  process.on('message', (plan: CrashPlan) => crash.arm(plan))
  const streams = new KafkaStreams(tallyTopology(name, instance), {
    applicationId: name,
    kafka,
    stateDir,
    processingGuarantee: guarantee,
    numStandbyReplicas,
    commitInterval: '300ms',
    cacheMaxBytes: 0,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: Math.min(500, sessionTimeoutMs / 4),
    afterCommitStep: crash.reached,
    log,
    onUncaughtError: (error) => {
      process.stderr.write(`${error.stack}\n`)
      process.exit(1)
    },
  })
  let told = ''
  setInterval(() => {
    const tasks = streams.tasks().filter((task) => task.state === 'running')
    const status = { state: streams.state, tasks: tasks.map((task) => task.taskId) }
    if (JSON.stringify(status) !== told) say({ status })
    told = JSON.stringify(status)
  }, STATUS_MS)
  // It does not outlive the test.
  process.once('disconnect', () => process.exit(1))
  await streams.start()
}

if (import.meta.filename === process.argv[1]) await main(JSON.parse(process.argv[2] as string) as TallyAppOptions)
