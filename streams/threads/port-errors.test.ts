import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../common/errors.ts'
import { KafkaUnavailableError } from '../../kafka/errors.ts'
import { ProcessingError, StoreNotAvailableError } from '../errors.ts'
import { packError, unpackError } from './port-errors.ts'

const overThePort = (error: unknown): Error => unpackError(structuredClone(packError(error)))

class DriverError extends Error {
  readonly device = 'lamp'
  readonly retry = () => {}
}

describe('an error that came from another thread', () => {
  test('has its class, fields, message and causes', () => {
    const cause = new RangeError('too far', { cause: 'a reason' })
    const error = overThePort(new ProcessingError('0_1', 'map', 'words-0 at 7', cause))
    expect(error).toBeInstanceOf(ProcessingError)
    expect(error).toMatchObject({
      code: 'PROCESSING_FAILED',
      recovery: 'stop',
      taskId: '0_1',
      nodeName: 'map',
      name: 'ProcessingError',
      message: 'processor map of task 0_1 failed on words-0 at 7: too far',
    })
    expect(error.cause).toBeInstanceOf(RangeError)
    expect((error.cause as Error).cause).toMatchObject({ message: 'a reason' })
  })

  test.each([
    [new StoreNotAvailableError('counts', 'restoring'), { reason: 'restoring', recovery: 'retry' }],
    [new ConfigError(['one', 'two']), { problems: ['one', 'two'] }],
    [new KafkaUnavailableError('away'), { recovery: 'retry' }],
  ])('%s', (error, fields) => {
    const copy = overThePort(error)
    expect(copy).toBeInstanceOf(error.constructor)
    expect(copy).toMatchObject(fields)
    expect(copy.stack).toBe(error.stack)
  })

  test("of the user's own class keeps its name and what can be sent of it", () => {
    const error = overThePort(new DriverError('no answer'))
    expect(error).toMatchObject({ name: 'DriverError', message: 'no answer', device: 'lamp' })
    expect(error).not.toHaveProperty('retry')
  })

  test('that has itself as its cause ends', () => {
    const error = new Error('round')
    error.cause = error
    expect(overThePort(error).message).toBe('round')
  })
})
