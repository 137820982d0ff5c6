import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { DeadLetter, Reading } from '../../schemas/types.ts'
import { brook, brookJson } from './testing/run-cli.ts'

interface Document {
  readonly rule: string | null
  readonly records: readonly {
    readonly topic: string
    readonly key: string | null
    readonly headers: Readonly<Record<string, string>>
    readonly value: unknown
  }[]
}

let directory: string
let mapping: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-mqtt-test-'))
  mapping = join(directory, 'mapping.yaml')
  await writeFile(
    mapping,
    `rooms: { plug-1: kitchen }
rules:
  - name: plugs
    topic: stat/<deviceId>/POWER
    payload: text
    readings: [{ kind: switch, map: { ON: 1, OFF: 0 } }]
  - name: stock
    topic: shop/<product>
    record: { topic: stock-changes, key: <product> }
  - { topic: noise/#, ignore: true }
`,
  )
})
afterAll(() => rm(directory, { recursive: true, force: true }))

test('a message shows as the record that it would become', async () => {
  const run = await brook(['mqtt', 'test', 'stat/plug-1/POWER', 'ON', '--mapping', mapping])
  expect(run.code).toBe(0)
  expect(run.out).toMatch(/^rule {5}rule 1 \(plugs\)$/m)
  expect(run.out).toMatch(/^topic {4}building\.readings$/m)
  expect(run.out).toMatch(/^key {6}plug-1$/m)
  expect(run.out).toContain('"roomId":"kitchen","bus":"mqtt","kind":"switch","value":1,"unit":"boolean"')
})

test('the mapping of the environment counts too, and the built-in rules after it', async () => {
  const line = ['mqtt', 'test', 'building/r1/d1/light', '{"value":30,"sequence":9}']
  const document = await brookJson<Document>(line, { BROOK_MQTT_MAPPING: mapping })
  expect(document.rule).toBe('built-in rule (one value)')
  expect(document.records).toMatchObject([
    {
      topic: 'building.readings',
      key: 'd1',
      headers: { 'mqtt.topic': 'building/r1/d1/light', 'mqtt.retained': 'false' },
      value: { deviceId: 'd1', kind: 'light', value: 30, sequence: { long: 9 } },
    },
  ])
})

test('a retained message is shown as such', async () => {
  const { records } = await brookJson<Document>([
    'mqtt',
    'test',
    'building/r1/d1/motion',
    '{"value":true}',
    '--retained',
  ])
  expect(records[0]?.value).toMatchObject({ retained: true, quality: 'uncertain' } satisfies Partial<Reading>)
})

test('what cannot be used shows as the dead letter, with its reason and its bytes', async () => {
  const { code, out } = await brook(['mqtt', 'test', 'stat/plug-1/POWER', 'maybe', '--mapping', mapping, '--json'])
  expect(code).toBe(1)
  const { records } = JSON.parse(out) as Document
  expect(records).toMatchObject([
    {
      topic: 'building.dead-letters',
      key: null,
      value: {
        code: 'UNKNOWN_VALUE',
        reason: 'the value of switch is "maybe": the map has ON, OFF',
        originalValue: { bytes: 'maybe' } as never,
      } satisfies Partial<DeadLetter>,
    },
  ])
})

test('a topic that no rule has is a dead letter too', async () => {
  const { code, out } = await brook(['mqtt', 'test', 'nowhere', '1', '--mapping', mapping])
  expect(code).toBe(1)
  expect(out).toMatch(/^rule {5}none$/m)
  expect(out).toContain('NO_RULE')
})

test('a record goes on as it is; what is ignored becomes nothing', async () => {
  const { records } = await brookJson<Document>(['mqtt', 'test', 'shop/p-1', '{"delta": -2}', '--mapping', mapping])
  expect(records).toMatchObject([{ topic: 'stock-changes', key: 'p-1', value: '{"delta": -2}' }])
  const ignored = await brook(['mqtt', 'test', 'noise/x', '1', '--mapping', mapping])
  expect(ignored).toMatchObject({ code: 0, out: 'rule     rule 3\nnothing: the rule ignores it\n' })
})

test('the payload may come from a file, byte by byte', async () => {
  const file = join(directory, 'payload')
  await writeFile(file, Buffer.from([0xff, 0xfe]))
  const { code, out } = await brook(['mqtt', 'test', 'sensors/s1', `@${file}`])
  expect(code).toBe(1)
  expect(out).toContain('NOT_UTF8')
  expect(out).toContain('{"bytes":"ÿþ"}')
})

test.each([
  [['sensors/s1'], 2, '<payload> is missing'],
  [['a', 'b', 'c'], 2, '"c" is one word too many'],
  [['a', '@/nowhere'], 1, 'the payload cannot be read: ENOENT'],
  [['a', 'b', '--mapping', '/nowhere.yaml'], 2, 'the MQTT mapping /nowhere.yaml cannot be read'],
])('%j ends with %i', async (words, code, message) => {
  const run = await brook(['mqtt', 'test', ...words])
  expect(run.err).toContain(message)
  expect(run.code).toBe(code)
})

test('a mapping with mistakes ends with 2, each mistake with its line', async () => {
  const path = join(directory, 'wrong.yaml')
  await writeFile(path, 'rules:\n  - topic: a/<deviceId>\n    readings:\n      - kind: warmth\n')
  const { code, err } = await brook(['mqtt', 'test', 'a/b', '1', '--mapping', path])
  expect(code).toBe(2)
  expect(err).toContain(`${path}:4: rule 1 reading 1 has the kind "warmth", which does not exist`)
  expect(err).toContain(`${path}:2: rule 1 does not tell the roomId`)
})
