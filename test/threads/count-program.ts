/**
 * A word count with two threads as a process of its own: runs until it is running, closes, and prints what is still open. It ends
 * by itself, or not at all.
 */
import { createKafkaProvider } from '../../kafka/kafkajs.ts'
import { KafkaStreams, loadTopology } from '../../streams/index.ts'

const { name, directory } = JSON.parse(process.argv[2] ?? '{}') as { name: string; directory: string }
const kafka = createKafkaProvider({ brokers: (process.env['BROOK_TEST_BROKERS'] ?? '').split(',') })
const topology = await loadTopology(new URL('./count-topology.ts', import.meta.url), {
  settings: { input: `${name}-words`, output: `${name}-counts` },
})
const streams = new KafkaStreams(topology, { applicationId: name, kafka, stateDir: directory, numStreamThreads: 2 })
await streams.start()
await streams.waitFor('RUNNING')
await streams.close()
await kafka.close()
// Sockets close a moment after they are told to.
await new Promise((resolve) => setTimeout(resolve, 100))
const handles = process.getActiveResourcesInfo().filter((kind) => !/^(TTY|Pipe|FS|File)/.test(kind))
process.stdout.write(JSON.stringify({ state: streams.state, handles }))
