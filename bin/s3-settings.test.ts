import { expect, test } from 'vitest'
import { ConfigError } from '../common/errors.ts'
import { loadBuildingSettings } from './settings.ts'

const load = (env: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}) =>
  loadBuildingSettings([], env, (path) => files[path] ?? '').settings

test('nothing has to be set but the bucket', () => {
  expect(load({ BROOK_S3_BUCKET: 'lake' })).toMatchObject({
    s3Bucket: 'lake',
    s3Topics: ['building.readings'],
    s3Format: 'avro',
    s3TimeZone: 'UTC',
    s3Endpoint: undefined,
    s3AccessKeyId: undefined,
  })
})

test('keys come from files', () => {
  const env = { BROOK_S3_ACCESS_KEY_ID_FILE: '/key', BROOK_S3_SECRET_ACCESS_KEY_FILE: '/secret' }
  const files = { '/key': 'AKIA\n', '/secret': 'shh\n' }
  expect(load(env, files)).toMatchObject({ s3AccessKeyId: 'AKIA', s3SecretAccessKey: 'shh' })
})

test.each([
  [{ BROOK_S3_BUCKET: 'Not A Bucket' }, /BROOK_S3_BUCKET must be the name of a bucket/],
  [{ BROOK_S3_PREFIX: '/lake/' }, /BROOK_S3_PREFIX must be names with \//],
  [{ BROOK_S3_TOPICS: 'a b' }, /BROOK_S3_TOPICS must be letters/],
  [{ BROOK_S3_TIME_ZONE: 'Mars' }, /BROOK_S3_TIME_ZONE must be a time zone/],
  [{ BROOK_S3_MAX_BYTES: '100000000' }, /BROOK_S3_MAX_BYTES must be a whole number between/],
  [{ BROOK_S3_ACCESS_KEY_ID: 'AKIA' }, /belong together: set both or none/],
])('%j is told', (env, problem) => {
  let thrown: unknown
  try {
    load(env as Record<string, string>)
  } catch (error) {
    thrown = error
  }
  expect(thrown).toBeInstanceOf(ConfigError)
  expect(String(thrown)).toMatch(problem)
})
