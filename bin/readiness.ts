import { asError } from '../common/errors.ts'
import type { ReadinessCheck } from '../http/routes/context.ts'
import { topics } from '../schemas/topics.ts'
import type { Platform } from './platform.ts'

const TIMEOUT_MS = 3_000

/** Whether the log and the schema registry answer. */
export function readinessChecks({ kafka, registry }: Platform): readonly ReadinessCheck[] {
  return [
    { name: 'kafka', check: () => problemOf(kafka.admin().describeTopics([topics.readings.name])) },
    { name: 'schema-registry', check: () => problemOf(registry.subjects()) },
  ]
}

async function problemOf(answer: Promise<unknown>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer in ${TIMEOUT_MS / 1000} s`), TIMEOUT_MS)
  })
  const outcome = answer.then(
    () => undefined,
    (error) => asError(error).message,
  )
  try {
    return await Promise.race([outcome, late])
  } finally {
    clearTimeout(timer)
  }
}
