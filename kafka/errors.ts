import { BrookError } from '../common/errors.ts'

/** Brokers cannot be reached, did not answer in time, or cannot do now what was asked. Try again. */
export class KafkaUnavailableError extends BrookError {
  readonly code = 'KAFKA_UNAVAILABLE'
  readonly domain = 'external'
  readonly recovery = 'retry'
}

/** The topic does not exist (and Brook does not create users' topics). */
export class UnknownTopicError extends BrookError {
  readonly code = 'KAFKA_UNKNOWN_TOPIC'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** A newer producer has the same transactional id: this one is a zombie and its tasks are somebody else's. */
export class ProducerFencedError extends BrookError {
  readonly code = 'KAFKA_PRODUCER_FENCED'
  readonly domain = 'external'
  readonly recovery = 'drop-tasks'
}

/** The member no longer owns the partitions whose offsets it wanted to commit. */
export class CommitFailedError extends BrookError {
  readonly code = 'KAFKA_COMMIT_FAILED'
  readonly domain = 'external'
  readonly recovery = 'drop-tasks'
}

/** Nobody can say whether it happened. The producer must be thrown away and its task restored from what is committed. */
export class UnknownOutcomeError extends BrookError {
  readonly code = 'KAFKA_UNKNOWN_OUTCOME'
  readonly domain = 'external'
  readonly recovery = 'restore-task'
}

/** The group has members: what was asked may only be done to one that has none. Stop them first. */
export class GroupActiveError extends BrookError {
  readonly code = 'KAFKA_GROUP_ACTIVE'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** The group has live members with another assignor, such as those of Kafka Streams on the JVM. Stop them first. */
export class GroupProtocolError extends BrookError {
  readonly code = 'KAFKA_GROUP_PROTOCOL'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** One record is larger than the topic allows. */
export class RecordTooLargeError extends BrookError {
  readonly code = 'KAFKA_RECORD_TOO_LARGE'
  readonly domain = 'user'
  readonly recovery = 'skip-record'
}

/** The offset asked for is not (or no longer) in the log. */
export class OffsetOutOfRangeError extends BrookError {
  readonly code = 'KAFKA_OFFSET_OUT_OF_RANGE'
  readonly domain = 'external'
  readonly recovery = 'restore-task'
}

/** Who we are, or what we may do, was refused. */
export class KafkaAuthorizationError extends BrookError {
  readonly code = 'KAFKA_NOT_AUTHORIZED'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** Any other answer of a broker; `kafkaCode` is Kafka's name for it. */
export class KafkaProtocolError extends BrookError {
  readonly code = 'KAFKA_PROTOCOL'
  readonly domain = 'external'
  readonly recovery = 'stop'
  readonly kafkaCode: string

  constructor(kafkaCode: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.kafkaCode = kafkaCode
  }
}
