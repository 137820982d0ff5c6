/** `brook-process.ts <options of an application, brokers and directory as JSON>`: runs it with Brook and kills itself in the middle of a commit. */
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import { Application, type ApplicationOptions } from './application.ts'

export interface BrookProcessOptions {
  readonly application: ApplicationOptions
  readonly brokers: string
  readonly directory: string
}

const RESULTS = 50

const { application, brokers, directory } = JSON.parse(process.argv[2] as string) as BrookProcessOptions
const kafka = createKafkaProvider({ brokers: brokers.split(',') })
let results = 0
/** Everything is written, in a transaction that nobody will end. */
const dieBeforeItsEnd = (step: number): void => {
  if (step === 3 && results >= RESULTS) process.kill(process.pid, 'SIGKILL')
}
const client = new Application(application, { brokers, kafka, directory })
await client.startBrook({ afterCommitStep: dieBeforeItsEnd }, () => results++)
