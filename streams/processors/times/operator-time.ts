import type { ProcessorContext } from '../processor.ts'

/** No store and no node can be called so. */
const PREFIX = '~'

/**
 * The stream time of one operator: the highest time of the records that reached it, -1 before the first. It is kept in the metadata of
 * each commit, beside the offsets: after a restart the same records are late as without one. (Kafka Streams begins anew and takes in
 * what was late before.)
 */
export class OperatorTime {
  streamTimeMs: number

  /** Made in `init`. `name` is unique in the topology: that of the node, unless several nodes share the time. */
  constructor(context: ProcessorContext, name = context.nodeName) {
    const key = `${PREFIX}${name}`
    this.streamTimeMs = context.processorMetadata(key) ?? -1
    context.keepProcessorMetadata(key, () => this.streamTimeMs)
  }

  /** Gives stream time, the record's included. */
  saw(timestampMs: number): number {
    if (timestampMs > this.streamTimeMs) this.streamTimeMs = timestampMs
    return this.streamTimeMs
  }
}
