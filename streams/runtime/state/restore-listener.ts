/** One store's restore: from which offset of its changelog to which. */
export interface RestoreEvent {
  readonly taskId: string
  readonly store: string
  /** The changelog. */
  readonly topic: string
  readonly partition: number
  readonly startingOffset: number
  /** The offset after the last record that is to be restored. */
  readonly endingOffset: number
}

/** Told how restores go; called between batches, so it should be quick. @see org.apache.kafka.streams.processor.StateRestoreListener */
export interface StateRestoreListener {
  onRestoreStart?(event: RestoreEvent): void
  /** After each batch: the offset that the store has come to (its write may still be under way), and the records of the batch. */
  onBatchRestored?(event: RestoreEvent & { readonly batchEndOffset: number; readonly numRestored: number }): void
  onRestoreEnd?(event: RestoreEvent & { readonly totalRestored: number }): void
  /** The task went to another instance, or the client was closed, before the end. */
  onRestoreSuspended?(event: RestoreEvent & { readonly totalRestored: number }): void
}

/** The listener, and `count` with the records of each batch. */
export function countingRestored(
  listener: StateRestoreListener | undefined,
  count: (records: number) => void,
): StateRestoreListener {
  return {
    onRestoreStart: (event) => listener?.onRestoreStart?.(event),
    onBatchRestored: (event) => {
      count(event.numRestored)
      listener?.onBatchRestored?.(event)
    },
    onRestoreEnd: (event) => listener?.onRestoreEnd?.(event),
    onRestoreSuspended: (event) => listener?.onRestoreSuspended?.(event),
  }
}
