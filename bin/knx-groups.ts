import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import type { RoomOfGroups } from '../connectors/knx/group-devices.ts'
import { withDefaults } from '../schemas/avro-type.ts'
import { topics } from '../schemas/topics.ts'
import { RoomRules } from '../schemas/types.ts'
import { type KnxGroupFile, readKnxGroupFile } from './knx-group-file.ts'
import type { Platform } from './platform.ts'
import { publishHouse } from './publish-house.ts'

/** Which devices the last start made known, so that those that leave the export leave the building. */
const PUBLISHED_FILE = 'knx-groups.json'

/**
 * Makes the devices of an ETS export known, takes those away that an earlier one had, and gives rooms without rules the default ones.
 * Returns its rooms, with their names.
 * @throws {ConfigError} when the file, or the mapping beside it, cannot be used.
 */
export async function makeGroupsKnown(
  path: string,
  timeZone: string,
  directory: string,
  platform: Platform,
  log: Logger,
): Promise<readonly RoomOfGroups[]> {
  const file = await readKnxGroupFile(path)
  if (file.mappingProblems.length > 0)
    throw new ConfigError(
      file.mappingProblems.map(({ line, reason }) => `${file.mappingPath}, line ${line}: ${reason}`),
    )
  tell(file, path, log)
  const { devices, rooms } = file
  const deviceSerde = platform.value(topics.devices.value)
  const rulesSerde = platform.value(topics.rules.value)
  const written = await publishHouse(platform.kafka, platform.key, [
    ...devices.map((value) => ({
      topic: topics.devices.name,
      key: value.deviceId,
      value,
      serde: deviceSerde as never,
    })),
    ...rooms.map(({ roomId }) => ({
      topic: topics.rules.name,
      key: roomId,
      value: withDefaults(RoomRules, { roomId, timeZone }),
      serde: rulesSerde as never,
      onlyIfMissing: true,
    })),
  ])
  const gone = await takeGoneAway(
    devices.map(({ deviceId }) => deviceId),
    file.problems.length === 0,
    join(directory, PUBLISHED_FILE),
    platform,
  )
  log.info({ path, devices: devices.length, rooms: rooms.length, written, gone }, 'the KNX group addresses are known')
  return rooms
}

function tell({ problems, outcomes, devices }: KnxGroupFile, path: string, log: Logger): void {
  const see = `brook knx check ${path} lists them`
  if (devices.length === 0 && problems.length + outcomes.length > 0)
    log.warn({ path }, `no group address of the export becomes a device; brook knx check ${path} says why`)
  if (problems.length > 0)
    log.warn({ path, lines: problems.length, first: problems[0] }, `lines of the KNX export cannot be used; ${see}`)
  const unused = outcomes.filter((one) => one.unused !== undefined).length
  if (unused > 0) log.info({ path, addresses: unused }, `group addresses of the KNX export are not used; ${see}`)
}

/** A device whose line only cannot be read is not gone: nothing is taken away then. */
async function takeGoneAway(
  present: readonly string[],
  isWhole: boolean,
  listPath: string,
  { kafka, key }: Platform,
): Promise<readonly string[]> {
  const missing = (await publishedBefore(listPath)).filter((deviceId) => !present.includes(deviceId))
  const gone = isWhole ? missing : []
  if (gone.length > 0) {
    const producer = kafka.createProducer()
    const topic = topics.devices.name
    try {
      for (const deviceId of gone)
        producer.send(topic, undefined, { key: key.serialize(deviceId, topic), value: null, timestampMs: Date.now() })
      await producer.flush()
    } finally {
      await producer.close()
    }
  }
  await writeFile(listPath, JSON.stringify(isWhole ? present : [...present, ...missing]))
  return gone
}

async function publishedBefore(path: string): Promise<readonly string[]> {
  try {
    const ids: unknown = JSON.parse(await readFile(path, 'utf8'))
    return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : []
  } catch {
    return []
  }
}
