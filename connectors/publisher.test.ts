import { describe, expect, test } from 'vitest'
import { SerdeError, SerdeNotReadyError } from '../common/errors.ts'
import { lastHeader } from '../common/record.ts'
import { serdes } from '../common/serde.ts'
import { ProducerFencedError, RecordTooLargeError } from '../kafka/errors.ts'
import type { CommandResult, DeadLetter, Reading } from '../schemas/types.ts'
import type { Origin } from './publisher.ts'
import { DEAD_LETTERS, fakePublishing, json, READINGS, RESULTS, reading } from './testing/fixtures.ts'

const origin: Origin = {
  name: 'mqtt:a/b',
  key: null,
  value: Buffer.from('original'),
  receivedAtMs: 1_000_000,
  headers: { 'mqtt.topic': 'a/b' },
}

type Publishing = ReturnType<typeof fakePublishing>
const publish = ({ publisher }: Publishing, value: Reading, from = origin) =>
  new Promise<Error | undefined>((resolve) => publisher.reading(value, from, resolve))
const letters = ({ log }: Publishing) => log.in(DEAD_LETTERS).map((record) => json<DeadLetter>(record.value))

describe('a reading', () => {
  test('is keyed by its device, stamped with its event time and carries the headers of its origin', async () => {
    const p = fakePublishing()
    expect(await publish(p, reading({ eventTimeMs: 999_000 }))).toBeUndefined()
    const [record] = p.log.in(READINGS)
    expect(record).toMatchObject({ timestampMs: 999_000 })
    expect(String(record?.key)).toBe('d1')
    expect(json(record?.value)).toEqual(reading({ eventTimeMs: 999_000 }))
    expect(String(lastHeader(record?.headers ?? [], 'mqtt.topic'))).toBe('a/b')
    expect(p.status.snapshot().published).toBe(1)
  })

  test.each([
    ['ahead', 1_000_000 + 5 * 60_000, 1_000_000 + 5 * 60_000 + 1],
    ['behind', 1_000_000 - 7 * 86_400_000, 1_000_000 - 7 * 86_400_000 - 1],
  ])(
    'with an event time too far %s gets the receive time and quality uncertain',
    async (_, believable, unbelievable) => {
      const p = fakePublishing()
      await publish(p, reading({ eventTimeMs: believable }))
      await publish(p, reading({ eventTimeMs: unbelievable }))
      const [kept, replaced] = p.log.in(READINGS).map((record) => json<Reading>(record.value))
      expect(kept).toMatchObject({ eventTimeMs: believable, quality: 'good' })
      expect(replaced).toMatchObject({ eventTimeMs: 1_000_000, quality: 'uncertain' })
      expect(p.log.in(READINGS)[1]?.timestampMs).toBe(1_000_000)
    },
  )

  test('that cannot be true becomes a dead letter with the original bytes', async () => {
    const p = fakePublishing()
    expect(await publish(p, reading({ value: 101 }))).toBeUndefined()
    expect(p.log.in(READINGS)).toEqual([])
    expect(letters(p)).toMatchObject([
      { code: 'VALUE_OUT_OF_RANGE', origin: 'mqtt:a/b', headers: { 'mqtt.topic': 'a/b' }, receivedAtMs: 1_000_000 },
    ])
    expect(Buffer.from(letters(p)[0]?.originalValue as Buffer).toString()).toBe('original')
    expect(p.status.snapshot()).toMatchObject({ published: 0, deadLetters: 1 })
  })

  test('that cannot be encoded becomes a dead letter', async () => {
    const failing = {
      ...serdes.json<Reading>(),
      serialize: () => {
        throw new SerdeError('no such symbol')
      },
    }
    const p = fakePublishing({ readings: { topic: READINGS, key: serdes.string, value: failing } })
    expect(await publish(p, reading())).toBeUndefined()
    expect(letters(p)).toMatchObject([{ code: 'SERDE_FAILED', reason: 'cannot be written: no such symbol' }])
  })

  test('is handed back to its source while the schema is on its way', async () => {
    const waiting = {
      ...serdes.json<Reading>(),
      serialize: () => {
        throw new SerdeNotReadyError('wait', Promise.resolve())
      },
    }
    const p = fakePublishing({ readings: { topic: READINGS, key: serdes.string, value: waiting } })
    expect(await publish(p, reading())).toBeInstanceOf(SerdeNotReadyError)
    expect(p.log.written).toEqual([])
  })

  test('that the log refuses for its size becomes a dead letter', async () => {
    const p = fakePublishing()
    p.log.refuse = (topic) => (topic === READINGS ? new RecordTooLargeError('too large') : undefined)
    expect(await publish(p, reading())).toBeUndefined()
    expect(letters(p)).toMatchObject([{ code: 'KAFKA_RECORD_TOO_LARGE' }])
  })

  test('is told as failed when the log is away, and counts as pending until then', async () => {
    const p = fakePublishing()
    p.log.holding = true
    p.log.refuse = () => new Error('away')
    const outcome = publish(p, reading())
    expect(p.publisher.pending).toBe(1)
    p.log.release()
    expect(await outcome).toMatchObject({ message: 'away' })
    expect(p.publisher.pending).toBe(0)
  })
})

test('a producer that has failed for good is replaced at the next record', async () => {
  const p = fakePublishing()
  p.log.fatal = new ProducerFencedError('fenced')
  expect(await publish(p, reading())).toBeInstanceOf(ProducerFencedError)
  p.log.fatal = undefined
  expect(await publish(p, reading())).toBeUndefined()
  expect(p.log.producersMade).toBe(2)
})

test('a command result is keyed by its device', async () => {
  const p = fakePublishing()
  const result: CommandResult = {
    commandId: 'c1',
    deviceId: 'd1',
    roomId: 'r1',
    status: 'confirmed',
    detail: null,
    atMs: 5,
  }
  await new Promise((resolve) => p.publisher.commandResult(result, resolve))
  const [record] = p.log.in(RESULTS)
  expect(String(record?.key)).toBe('d1')
  expect(record?.timestampMs).toBe(5)
  expect(json(record?.value)).toEqual(result)
})

describe('a dead letter', () => {
  const problem = { code: 'BAD', reason: 'bad' }

  test('holds at most so many original bytes and tells how many there were', async () => {
    const p = fakePublishing({ maxOriginalBytes: 10 })
    await new Promise((resolve) => p.publisher.deadLetter(problem, { ...origin, value: Buffer.alloc(25) }, resolve))
    const [letter] = letters(p)
    expect(Buffer.from(letter?.originalValue as Buffer)).toHaveLength(10)
    expect(letter?.headers).toMatchObject({ 'original-value-size-bytes': '25' })
  })

  test('that the log will never take is counted as dropped, so that it does not come again for ever', async () => {
    const p = fakePublishing()
    p.log.refuse = () => new RecordTooLargeError('too large')
    const error = await new Promise((resolve) => p.publisher.deadLetter(problem, origin, resolve))
    expect(error).toBeUndefined()
    expect(p.status.snapshot()).toMatchObject({ dropped: 1, deadLetters: 0 })
  })
})
