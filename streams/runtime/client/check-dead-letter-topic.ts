import type { Admin } from '../../../kafka/port.ts'
import { DeadLetterError } from '../../errors.ts'

/** Nobody should find out with the first dead letter. @throws {DeadLetterError} when there is no such topic. */
export async function checkDeadLetterTopic(admin: Admin, topic: string | undefined): Promise<void> {
  if (topic === undefined) return
  const found = await admin.describeTopics([topic])
  if (!found.has(topic)) throw new DeadLetterError(`deadLetterTopic ${topic} does not exist: create it first`)
}
