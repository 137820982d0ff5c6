import { InvalidArgumentError } from '../../common/errors.ts'

/** Kafka's defaults of the topic configs that the embedded log honours. */
const DEFAULTS = {
  'cleanup.policy': 'delete',
  'delete.retention.ms': '86400000',
  'max.message.bytes': '1048588',
  'message.timestamp.type': 'CreateTime',
  'min.cleanable.dirty.ratio': '0.5',
  'retention.bytes': '-1',
  'retention.ms': '604800000',
} as const

type ConfigName = keyof typeof DEFAULTS

export interface TopicConfig {
  readonly deletes: boolean
  readonly compacts: boolean
  readonly deleteRetentionMs: number
  readonly maxMessageBytes: number
  readonly logAppendTime: boolean
  readonly minDirtyRatio: number
  /** `undefined`: without limit. */
  readonly retentionBytes: number | undefined
  readonly retentionMs: number | undefined
}

/** @throws {InvalidArgumentError} when a config that is honoured has a value that makes no sense; others are kept as they are. */
export function parseTopicConfig(topic: string, given: Readonly<Record<string, string>>): TopicConfig {
  const refuse = (name: ConfigName, value: string): never => {
    throw new InvalidArgumentError(`topic ${topic}: ${name} cannot be ${JSON.stringify(value)}`)
  }
  const text = (name: ConfigName): string => given[name] ?? DEFAULTS[name]
  const number = (name: ConfigName, least: number): number => {
    const value = Number(text(name))
    return text(name).trim() !== '' && value >= least ? value : refuse(name, text(name))
  }
  const limit = (name: ConfigName): number | undefined => {
    const value = number(name, -1)
    return value === -1 ? undefined : value
  }
  const policies = text('cleanup.policy')
    .split(',')
    .map((one) => one.trim())
  if (!policies.every((one) => one === 'delete' || one === 'compact')) refuse('cleanup.policy', text('cleanup.policy'))
  const stamp = text('message.timestamp.type')
  if (stamp !== 'CreateTime' && stamp !== 'LogAppendTime') refuse('message.timestamp.type', stamp)
  return {
    deletes: policies.includes('delete'),
    compacts: policies.includes('compact'),
    deleteRetentionMs: number('delete.retention.ms', 0),
    maxMessageBytes: number('max.message.bytes', 0),
    logAppendTime: stamp === 'LogAppendTime',
    minDirtyRatio: number('min.cleanable.dirty.ratio', 0),
    retentionBytes: limit('retention.bytes'),
    retentionMs: limit('retention.ms'),
  }
}

export function withDefaults(given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return { ...DEFAULTS, ...given }
}
