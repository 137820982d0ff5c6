import { boolean, choice, integer, list, show, text, url } from '../common/config-kinds.ts'
import { certificateProblem, kafkaNameProblem, timeZoneProblem } from './setting-checks.ts'

const MIB = 1_048_576
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/
const PREFIX = /^[\w.=-]+(\/[\w.=-]+)*$/

/** Settings of the sink that writes topics into objects. */
export const S3_SETTINGS = {
  s3Bucket: text({
    env: 'BROOK_S3_BUCKET',
    doc: 'The bucket that the S3 sink writes to.',
    check: (bucket) => (BUCKET.test(bucket) ? undefined : `must be the name of a bucket, got ${show(bucket)}`),
  }),
  s3Endpoint: url(['http', 'https'], {
    env: 'BROOK_S3_ENDPOINT',
    doc: "Where S3 is; without it AWS's own endpoint of the region.",
  }),
  s3Region: text({ env: 'BROOK_S3_REGION', default: 'us-east-1', doc: 'Region of the bucket.' }),
  s3PathStyle: boolean({
    env: 'BROOK_S3_PATH_STYLE',
    doc: 'Name the bucket in the path and not in the host; true unless set when an endpoint is given.',
  }),
  s3Ca: text({
    env: 'BROOK_S3_CA',
    fromFile: true,
    kind: 'PEM text',
    doc: "Certificates to trust for the S3 endpoint in place of the system's.",
    check: certificateProblem,
  }),
  s3AccessKeyId: text({
    env: 'BROOK_S3_ACCESS_KEY_ID',
    secret: true,
    doc: "Access key at S3; without it what AWS's tools would use (environment, profile, role of the machine).",
  }),
  s3SecretAccessKey: text({ env: 'BROOK_S3_SECRET_ACCESS_KEY', secret: true, doc: 'Secret of that access key.' }),
  s3Topics: list({
    env: 'BROOK_S3_TOPICS',
    default: ['building.readings'],
    kind: 'topic,…',
    doc: 'Topics that the S3 sink writes.',
    check: (topics) => topics.map(kafkaNameProblem).find((problem) => problem !== undefined),
  }),
  s3Prefix: text({
    env: 'BROOK_S3_PREFIX',
    default: 'topics',
    doc: 'What the names of objects begin with, before the topic.',
    check: (prefix) =>
      PREFIX.test(prefix) ? undefined : `must be names with / between, such as lake/topics, got ${show(prefix)}`,
  }),
  s3Format: choice(['avro', 'json'] as const, {
    env: 'BROOK_S3_FORMAT',
    default: 'avro',
    doc: 'Avro container files, or JSON lines.',
  }),
  s3Compression: choice(['none', 'gzip'] as const, {
    env: 'BROOK_S3_COMPRESSION',
    default: 'none',
    doc: "gzip: JSON lines are gzipped, and Avro blocks have Avro's codec deflate.",
  }),
  s3TimeZone: text({
    env: 'BROOK_S3_TIME_ZONE',
    default: 'UTC',
    kind: 'IANA time zone',
    doc: 'Whose days and hours the names of objects have.',
    check: timeZoneProblem,
  }),
  s3MaxRecords: integer({
    env: 'BROOK_S3_MAX_RECORDS',
    default: 10_000,
    min: 1,
    max: 1_000_000,
    doc: 'Records of a partition after which its objects are stored.',
  }),
  s3MaxBytes: integer({
    env: 'BROOK_S3_MAX_BYTES',
    default: 16 * MIB,
    min: 1_024,
    max: 64 * MIB,
    doc: 'Bytes of records of a partition after which its objects are stored.',
  }),
  s3FlushSeconds: integer({
    env: 'BROOK_S3_FLUSH_SECONDS',
    default: 600,
    min: 0,
    max: 7 * 86_400,
    doc: 'Objects are stored at the latest when their first record has waited so long; 0: only when their records say so.',
  }),
  s3BufferBytes: integer({
    env: 'BROOK_S3_BUFFER_BYTES',
    default: 128 * MIB,
    min: MIB,
    doc: 'Bytes that may wait to be stored over all partitions before reading pauses.',
  }),
  s3Group: text({
    env: 'BROOK_S3_GROUP',
    default: 'brook-sink-s3',
    doc: 'Consumer group of the S3 sink: processes of one group share the partitions, another group writes everything anew.',
    check: kafkaNameProblem,
  }),
} as const

/** What is wrong with these settings that are fine each by itself. */
export function s3Problems(given: { s3AccessKeyId?: string | undefined; s3SecretAccessKey?: string | undefined }) {
  const isHalf = (given.s3AccessKeyId === undefined) !== (given.s3SecretAccessKey === undefined)
  return isHalf ? ['BROOK_S3_ACCESS_KEY_ID and BROOK_S3_SECRET_ACCESS_KEY belong together: set both or none'] : []
}
