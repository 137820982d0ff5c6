import { expectTypeOf } from 'vitest'
import {
  type DeserializationExceptionHandler,
  deadLetterAndContinue,
  type ErrorOptions,
  logAndContinue,
  logAndFail,
  type ProcessingExceptionHandler,
  type ProductionExceptionHandler,
  type StreamRecord,
} from '../../streams/index.ts'

/** Checked by `tsc`: nothing here runs. */

// The ready-made handlers fit all three places.
for (const handler of [logAndFail, logAndContinue, deadLetterAndContinue]) {
  const options: ErrorOptions = {
    onDeserializationError: handler,
    onProcessingError: handler,
    onProductionError: handler,
    deadLetterTopic: 'dead',
  }
  void options
}

const processing: ProcessingExceptionHandler = (failure) => {
  expectTypeOf(failure.record).toEqualTypeOf<StreamRecord<unknown, unknown> | undefined>()
  expectTypeOf(failure.sourceRawValue).toEqualTypeOf<Buffer | null>()
  return { result: 'continue', deadLetters: failure.deadLetters() }
}
void processing

// Only production can be retried.
// @ts-expect-error a record that cannot be read will not be read at the second try
const reading: DeserializationExceptionHandler = () => 'retry'
void reading
const production: ProductionExceptionHandler = ({ origin }) => (origin === undefined ? 'retry' : 'continue')
void production
// @ts-expect-error there is no such answer
const wrong: ProcessingExceptionHandler = () => 'ignore'
void wrong

const policies: ErrorOptions[] = [
  { uncaughtExceptionHandler: 'replace-thread' },
  {
    uncaughtExceptionHandler: (error) =>
      error.name === 'ProcessingError' ? 'shut-down-client' : 'shut-down-application',
  },
  // @ts-expect-error there is no such policy
  { uncaughtExceptionHandler: 'ignore' },
]
void policies
