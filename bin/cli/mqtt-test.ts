import { readFileSync } from 'node:fs'
import { asError } from '../../common/errors.ts'
import { readMapping } from '../../connectors/mqtt/mapping-file.ts'
import { previewMessage, type WouldBe } from '../../connectors/mqtt/preview.ts'
import type { RecordWriter } from '../../connectors/publisher.ts'
import { AvroCodec } from '../../schemas/avro-codec.ts'
import type { AvroType } from '../../schemas/avro-type.ts'
import { topics } from '../../schemas/topics.ts'
import { DeadLetter, Reading } from '../../schemas/types.ts'
import type { Command } from './command.ts'
import { CliError } from './errors.ts'

const OWN: ReadonlySet<string> = new Set([topics.readings.name, topics.deadLetters.name])

export const mqttTestCommand: Command = {
  name: 'mqtt test',
  summary: 'what an MQTT message becomes: the rule, the records, or the dead letter and why',
  details: `Reads the message as the connector would, by the rules of --mapping, else of BROOK_MQTT_MAPPING, else the built-in ones. Nothing is
asked of a broker or of Kafka, and nothing is written. Values are shown in Avro's JSON encoding. Exit code 1 when the message, or a part
of it, becomes a dead letter.`,
  operands: [
    { name: 'topic', doc: 'the MQTT topic' },
    { name: 'payload', doc: 'the payload; @file reads it from a file (@/dev/stdin: from standard input)' },
  ],
  options: {
    mapping: { type: 'string', value: 'file', doc: 'the rules, in YAML or JSON' },
    retained: { type: 'boolean', doc: 'as a retained message' },
  },
  async run({ operands, options, output, settings }) {
    const [topic = '', payload = ''] = operands
    const path = typeof options['mapping'] === 'string' ? options['mapping'] : settings.mqttMapping
    const mapping = readMapping(path)
    const retained = options['retained'] === true
    const message = { topic, payload: payloadOf(payload), qos: 1, retained, duplicate: false } as const
    const { rule, records } = previewMessage(mapping, message, {
      readings: { topic: topics.readings.name, value: avroJson(Reading) },
      deadLetters: { topic: topics.deadLetters.name, value: avroJson(DeadLetter) },
    })
    const letters = records.filter(({ topic: name }) => name === topics.deadLetters.name)
    output.json({ topic, rule: rule ?? null, records: records.map((record) => documentOf(record, OWN)) })
    output.line(`rule     ${rule ?? 'none'}`)
    if (records.length === 0) output.line('nothing: the rule ignores it')
    for (const record of records) {
      output.line()
      output.line(`topic    ${record.topic}`)
      output.line(`key      ${record.key ?? '(none)'}`)
      output.line(`time     ${new Date(record.timestampMs).toISOString()}`)
      output.line(`value    ${record.value}`)
    }
    return letters.length > 0 ? 1 : 0
  },
}

/** Avro's JSON is a document of its own; a record that goes on as it is may be anything. */
function documentOf(record: WouldBe, ownTopics: ReadonlySet<string>) {
  return { ...record, value: ownTopics.has(record.topic) ? (JSON.parse(record.value) as unknown) : record.value }
}

/** @throws {CliError} */
function payloadOf(argument: string): Buffer {
  if (!argument.startsWith('@')) return Buffer.from(argument)
  try {
    return readFileSync(argument.slice(1))
  } catch (error) {
    throw new CliError(`the payload cannot be read: ${asError(error).message}`)
  }
}

/** Writes Avro's JSON encoding in place of its binary one: a value that cannot be written fails as it would there. */
function avroJson<T>(type: AvroType<T>): RecordWriter<T> {
  const codec = new AvroCodec(type.schema)
  return { serialize: (value) => Buffer.from(codec.toJson(value)) }
}
