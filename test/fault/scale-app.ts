/**
 * A word count as a process of its own, one of several: `scale-app.ts '<ScaleAppOptions as JSON>'`. Prints a {@link Status} as a line of JSON
 * whenever something has changed; SIGTERM ends it as a deployment would, by closing.
 */
import { type Logger, silentLogger } from '../../common/log.ts'
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import { BrookError, KafkaStreams, StreamsBuilder, serdes } from '../../streams/index.ts'

export interface ScaleAppOptions {
  readonly brokers: string
  readonly name: string
  readonly stateDir: string
  readonly numStandbyReplicas: number
  readonly acceptableRecoveryLag: number
  readonly taskTimeoutMs?: number
}

/** An error that was logged. */
export interface Problem {
  readonly code: string
  readonly message: string
}

export interface Status {
  readonly state: string
  readonly tasks: readonly string[]
  readonly standbys: readonly string[]
  /** Standbys whose lag is known and no more than this many records. */
  readonly caughtUp: readonly string[]
  /** Where restores began, and how many records they took. */
  readonly restores: readonly (readonly [taskId: string, startingOffset: number, records: number])[]
  /** The last errors of Brook's own that were logged as warnings, or that the client ended with. */
  readonly problems: readonly Problem[]
  /** How many there were, with older ones. */
  readonly problemCount: number
}

export const CLOSE_ENOUGH = 1_000
const MOST_PROBLEMS = 20

/** Calls `onError` for what is logged with an error. */
function listeningLogger(onError: (error: BrookError) => void): Logger {
  const listen = (fields: object): void => {
    if ('err' in fields && fields.err instanceof BrookError) onError(fields.err)
  }
  const logger: Logger = { ...silentLogger, warn: listen, error: listen, child: () => logger }
  return logger
}

async function main({ brokers, name, stateDir, taskTimeoutMs = 300_000, ...options }: ScaleAppOptions): Promise<void> {
  const kafka = createKafkaProvider({ brokers: brokers.split(',') })
  await kafka.connect()
  const builder = new StreamsBuilder()
  builder
    .stream(`${name}-words`, { key: serdes.string, value: serdes.string })
    .groupByKey()
    .count({ store: 'counts' })
    .toStream()
    .to(`${name}-counts`, { value: serdes.long })
  const restores: (readonly [string, number, number])[] = []
  let problems: readonly Problem[] = []
  let problemCount = 0
  const onError = ({ code, message }: BrookError): void => {
    problemCount++
    problems = [...problems, { code, message }].slice(-MOST_PROBLEMS)
  }
  const streams = new KafkaStreams(builder.build(), {
    ...options,
    applicationId: name,
    kafka,
    stateDir,
    taskTimeout: taskTimeoutMs,
    log: listeningLogger(onError),
    processingGuarantee: 'exactly_once',
    cacheMaxBytes: 0,
    sessionTimeout: '6s',
    heartbeatInterval: '500ms',
    stateRestoreListener: {
      onRestoreEnd: ({ taskId, startingOffset, totalRestored }) => {
        restores.push([taskId, startingOffset, totalRestored])
      },
    },
    onUncaughtError: (error) => {
      process.stderr.write(`${error.stack}\n`)
      process.exit(1)
    },
  })
  let told = ''
  const tell = (): void => {
    const standbys = streams.standbyTasks()
    const status: Status = {
      state: streams.state,
      tasks: streams.tasks().map((t) => t.taskId),
      standbys: standbys.map((t) => t.taskId),
      caughtUp: standbys.filter(({ lag }) => lag !== undefined && lag <= CLOSE_ENOUGH).map((t) => t.taskId),
      restores,
      problems,
      problemCount,
    }
    const line = JSON.stringify(status)
    if (line !== told) process.stdout.write(`${line}\n`)
    told = line
  }
  setInterval(tell, 50)
  process.once('SIGTERM', () => {
    void streams
      .close()
      .then(() => kafka.close())
      .then(() => process.exit(0))
  })
  await streams.start()
}

if (import.meta.filename === process.argv[1]) await main(JSON.parse(process.argv[2] as string) as ScaleAppOptions)
