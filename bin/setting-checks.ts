import { show } from '../common/config-kinds.ts'

/** What Kafka allows in the names of topics and groups. */
const KAFKA_NAME = /^[a-zA-Z0-9._-]{1,200}$/

export function kafkaNameProblem(name: string): string | undefined {
  return KAFKA_NAME.test(name) ? undefined : `must be letters, digits, dot, underscore and hyphen, got ${show(name)}`
}

export function certificateProblem(pem: string): string | undefined {
  return pem.includes('-----BEGIN CERTIFICATE-----') ? undefined : 'must hold a certificate in PEM form'
}

export function timeZoneProblem(zone: string): string | undefined {
  return isTimeZone(zone) ? undefined : `must be a time zone such as Europe/Zurich, got ${show(zone)}`
}

export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return true
  } catch {
    return false
  }
}
