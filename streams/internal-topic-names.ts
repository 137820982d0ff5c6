/** The changelog of a store. @see org.apache.kafka.streams.processor.internals.ProcessorStateManager.storeChangelogTopic */
export function changelogTopicName(applicationId: string, store: string): string {
  return `${applicationId}-${store}-changelog`
}
