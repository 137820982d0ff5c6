import { readFile } from 'node:fs/promises'
import { asError, ConfigError } from '../common/errors.ts'
import { parseYaml } from '../common/yaml.ts'
import { z } from '../http/zod.ts'
import { deviceTypeSymbols, RoomRules, readingKindSymbols } from '../schemas/types.ts'
import { type HouseConfig, houseProblems } from '../topology/rooms-config.ts'
import { isTimeZone } from './setting-checks.ts'

const id = z.string().min(1).max(249)
const kind = z.enum(readingKindSymbols).exclude(['unknown'])
const rule = z.union([z.boolean(), z.number(), z.string()])

const KnxGroupFile = z.strictObject({
  kind,
  write: z.string().optional(),
  status: z.string().optional(),
  dpt: z.string().optional(),
  statusDpt: z.string().optional(),
  inverted: z.boolean().optional(),
})
const DeviceFile = z.strictObject({
  deviceId: id,
  name: z.string(),
  type: z.enum(deviceTypeSymbols).exclude(['unknown']),
  kinds: z.array(kind),
  knx: z.array(KnxGroupFile).optional(),
  zwave: z.strictObject({ nodeId: z.number().int().min(1).max(65_535) }).optional(),
  mqtt: z.strictObject({ topic: z.string().min(1) }).optional(),
})
const RoomFile = z.strictObject({
  roomId: id,
  name: z.string(),
  devices: z.array(DeviceFile),
  rules: z.record(z.string(), rule).optional(),
})
const HouseFile = z.strictObject({
  name: z.string().default('House'),
  timeZone: z.string().optional(),
  floors: z.array(z.strictObject({ floor: z.string(), rooms: z.array(RoomFile) })).min(1),
})

/**
 * Reads the description of a house (JSON or YAML) from a file. `timeZone` is that of a house that names none.
 * @throws {ConfigError} with every problem at once: the file, its form, and rooms, devices or addresses that are there twice.
 */
export async function readHouseFile(path: string, timeZone: string): Promise<HouseConfig> {
  let document: unknown
  try {
    document = parseYaml(await readFile(path, 'utf8'))
  } catch (error) {
    throw new ConfigError([`BROOK_HOUSE (${path}) cannot be read: ${asError(error).message}`])
  }
  const parsed = HouseFile.safeParse(document)
  if (!parsed.success)
    throw new ConfigError(
      parsed.error.issues.map((issue) => `BROOK_HOUSE (${path}): ${issue.path.join('.')}: ${issue.message}`),
    )
  // What is left out is absent: the form has no fields that are there and undefined.
  const house = { timeZone, ...(parsed.data as Partial<HouseConfig> & Pick<HouseConfig, 'name' | 'floors'>) }
  const problems = [...zoneProblems(house), ...ruleProblems(house), ...houseProblems(house)]
  if (problems.length > 0) throw new ConfigError(problems.map((problem) => `BROOK_HOUSE (${path}): ${problem}`))
  return house
}

function zoneProblems({ timeZone }: HouseConfig): readonly string[] {
  return isTimeZone(timeZone) ? [] : [`timeZone must be such as Europe/Zurich, got ${JSON.stringify(timeZone)}`]
}

function ruleProblems({ floors }: HouseConfig): readonly string[] {
  const defaults: Readonly<Record<string, unknown>> = { ...RoomRules.defaults }
  return floors.flatMap(({ rooms }) =>
    rooms.flatMap(({ roomId, rules }) =>
      Object.entries(rules ?? {}).flatMap(([name, value]) => {
        if (!Object.hasOwn(defaults, name)) return [`room ${roomId} has a rule setting ${name}, which there is not`]
        const type = typeof defaults[name]
        return typeof value === type ? [] : [`room ${roomId}: ${name} must be a ${type}, got ${JSON.stringify(value)}`]
      }),
    ),
  )
}
