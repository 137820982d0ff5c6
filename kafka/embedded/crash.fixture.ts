import { writeSync } from 'node:fs'
import { createEmbeddedProvider } from '../embedded.ts'

/** Run by a test in a process of its own, to be killed in mid-stream: `node crash.fixture.ts <mode> <directory>`. */
const [mode, directory] = process.argv.slice(2)
if (!directory) throw new Error('usage: crash.fixture.ts <records|transactions|open-transaction|hold> <directory>')

const PARTITIONS = 3
const provider = createEmbeddedProvider({ directory, transactionBytes: 2_000 })

const value = (sequence: number) => Buffer.from(`${sequence} ${'x'.repeat(100)}`)
/** In the pipe before it returns, so that it is not lost with the process. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

async function streamRecords(): Promise<never> {
  const producer = provider.createProducer()
  for (let sequence = 0; ; sequence++) {
    const partition = sequence % PARTITIONS
    producer.send('t', partition, { key: null, value: value(sequence), timestampMs: sequence }, (error, offset) => {
      if (!error) say(`${partition} ${offset} ${sequence}`)
    })
    if (sequence % 7 === 0) await turn()
    await producer.backpressure()
  }
}

/** Each transaction is one record in every partition, or a hundred, and the sequence number as the group's offset. */
async function streamTransactions(): Promise<never> {
  const producer = provider.createProducer({ transactionalId: 'crash' })
  await producer.initTransactions()
  for (let sequence = 1; ; sequence++) {
    producer.beginTransaction()
    for (let i = sequence % 5 === 0 ? 100 : 1; i > 0; i--) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        producer.send('t', partition, { key: null, value: value(sequence), timestampMs: sequence })
      }
      if (i % 10 === 0) await producer.flush()
    }
    const group = { groupId: 'g', memberId: '', generationId: -1 }
    await producer.sendOffsets([{ topic: 't', partition: 0, offset: sequence }], group)
    await producer.commitTransaction()
    say(`${sequence}`)
  }
}

/** Leaves a transaction open whose records are in the database. */
async function openTransaction(): Promise<void> {
  const producer = provider.createProducer({ transactionalId: 'crash' })
  await producer.initTransactions()
  producer.beginTransaction()
  for (let sequence = 0; sequence < 200; sequence++) {
    producer.send('t', 0, { key: null, value: value(sequence), timestampMs: sequence })
    await producer.flush()
  }
  const plain = provider.createProducer()
  plain.send('t', 1, { key: null, value: value(0), timestampMs: 0 })
  await plain.flush()
  say('stored')
}

await provider.connect()
await provider.admin().createTopics([{ name: 't', partitions: PARTITIONS }])
say('open')
if (mode === 'records') await streamRecords()
if (mode === 'transactions') await streamTransactions()
if (mode === 'open-transaction') await openTransaction()
setInterval(() => {}, 1_000)
