import { expect, test } from 'vitest'
import type { KafkaProvider } from '../kafka/port.ts'
import type { RegistryClient } from '../schemas/registry-client.ts'
import { PlatformReadiness } from './readiness.ts'

const platformOf = (topics: () => Promise<unknown>, subjects: () => Promise<unknown>) => ({
  kafka: { admin: () => ({ describeTopics: topics }) } as unknown as KafkaProvider,
  registry: { subjects } as unknown as RegistryClient,
})

async function told(readiness: PlatformReadiness): Promise<Record<string, string | undefined>> {
  return Object.fromEntries(
    await Promise.all(readiness.checks.map(async ({ name, check }) => [name, await check()] as const)),
  )
}

test('a program that starts says what it waits for, and why', async () => {
  const readiness = new PlatformReadiness()
  expect(await told(readiness)).toEqual({
    kafka: 'the program is starting',
    'schema-registry': 'the program is starting',
  })
  readiness.waits('kafka', 'no broker at k:9092')
  expect(await told(readiness)).toMatchObject({ kafka: 'waiting for it: no broker at k:9092' })
  readiness.waits('schema-registry', 'no answer from http://r')
  expect(await told(readiness)).toEqual({
    kafka: 'the program is starting',
    'schema-registry': 'waiting for it: no answer from http://r',
  })
})

test('one that has started says whether they answer', async () => {
  const readiness = new PlatformReadiness()
  readiness.waits('kafka', 'no broker')
  readiness.opened(
    platformOf(
      async () => new Map(),
      () => Promise.reject(new Error('refused')),
    ),
  )
  expect(await told(readiness)).toEqual({ kafka: undefined, 'schema-registry': 'refused' })
})
