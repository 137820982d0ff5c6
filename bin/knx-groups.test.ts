import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ConfigError } from '../common/errors.ts'
import { silentLogger } from '../common/log.ts'
import { DeviceTable } from '../connectors/device-table.ts'
import type { GroupTelegram } from '../connectors/knx/cemi.ts'
import { GatewaySimulator } from '../connectors/knx/gateway-simulator.ts'
import { topics } from '../schemas/topics.ts'
import { brook, brookJson } from './cli/testing/run-cli.ts'
import { makeGroupsKnown } from './knx-groups.ts'
import { openPlatform, type Platform } from './platform.ts'
import { loadBuildingSettings } from './settings.ts'

const TITLES = 'Group name;Address;DatapointType'
const LAMP = 'Kitchen - Lamp - Switch;1/0/1;DPST-1-1\nKitchen - Lamp - Status;1/0/2;DPST-1-1'
const BLINDS = 'Bath - Blinds - Position;2/0/1;DPST-5-1'

let directory: string
let file: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'brook-knx-groups-'))
  file = join(directory, 'house.csv')
})
afterEach(() => rm(directory, { recursive: true, force: true }))

const write = (...rows: readonly string[]) => writeFile(file, [TITLES, ...rows].join('\n'))
const writeMapping = (text: string) => writeFile(join(directory, 'house.yaml'), text)

describe('devices of an ETS export', () => {
  let platform: Platform
  beforeEach(async () => {
    const { settings } = loadBuildingSettings(['--data-dir', directory], {})
    platform = await openPlatform(settings, silentLogger, new AbortController().signal)
  })
  afterEach(() => platform.close())

  const makeKnown = () => makeGroupsKnown(file, 'Europe/Zurich', directory, platform, silentLogger)

  /** The devices that a connector would be told of, with their groups. */
  async function known() {
    const table = new DeviceTable({
      kafka: platform.kafka,
      topic: topics.devices.name,
      key: platform.key,
      value: platform.value(topics.devices.value),
    })
    await table.start()
    const devices = table.onBus('knx')
    await table.stop()
    return devices.map(({ deviceId, roomId, floor }) => `${deviceId} in ${roomId} on ${floor}`).sort()
  }

  test('are made known, follow the mapping beside it, and go when they leave the export', async () => {
    await write(LAMP, BLINDS)
    await writeMapping('floor: ground\nrooms:\n  Kitchen: { id: room-1, floor: "1" }')
    await makeKnown()
    expect(await known()).toEqual(['bath-blinds in bath on ground', 'room-1-lamp in room-1 on 1'])
    await write(BLINDS)
    await makeKnown()
    expect(await known()).toEqual(['bath-blinds in bath on ground'])
  })

  test('stay while a line of the export cannot be read', async () => {
    await write(LAMP, BLINDS)
    await makeKnown()
    await write('broken;99/0/1;', BLINDS)
    await makeKnown()
    expect(await known()).toEqual(['bath-blinds in bath on 0', 'kitchen-lamp in kitchen on 0'])
    await write(BLINDS)
    await makeKnown()
    expect(await known()).toEqual(['bath-blinds in bath on 0'])
  })

  test('are not made known with a mapping that cannot be used, or without a file', async () => {
    await write(LAMP)
    await writeMapping('blindsOpenAt: 50')
    await expect(makeKnown()).rejects.toThrow(ConfigError)
    await expect(makeKnown()).rejects.toThrow('house.yaml, line 1: blindsOpenAt has to be 0 or 100, not 50')
    await rm(file)
    await expect(makeKnown()).rejects.toThrow('there is no file')
    expect(await known()).toEqual([])
  })
})

describe('brook knx check', () => {
  test('shows what each address becomes, what is not used, and lines that cannot be read', async () => {
    await write(LAMP, BLINDS, 'Kitchen - Air;3/0/1;DPST-9-8', 'nobody;99/0/1;')
    await writeMapping('rooms: { Kitchen: room-1 }')
    const { code, out } = await brook(['knx', 'check', file])
    expect(code).toBe(1)
    expect(out).toMatch(/1\/0\/2 +room-1 +room-1-lamp +light +1\.001 +status +Kitchen - Lamp - Status/)
    expect(out).toMatch(/2\/0\/1 +bath +bath-blinds +blinds +5\.001 inverted +write/)
    expect(out).toMatch(/5 +3\/0\/1 +DPST-9-8 +Kitchen - Air +the building has no use for the datapoint type 9\.008/)
    expect(out).toContain(`${file}, line 6: "99/0/1" is not a KNX group address`)
    expect(out).toContain('2 rooms, 2 devices of 3 addresses; 1 not used, 1 line that cannot be read.')
  })

  test('is content where every line can be read, and has a document for programs', async () => {
    await write(LAMP)
    expect((await brook(['knx', 'check', file])).code).toBe(0)
    const document = await brookJson<Record<string, unknown>>(['knx', 'check', file])
    expect(document).toMatchObject({
      format: 'CSV',
      mapping: null,
      devices: [{ deviceId: 'kitchen-lamp', knx: { groups: [{ kind: 'light', write: '1/0/1', status: '1/0/2' }] } }],
      addresses: [{ line: 2, address: '1/0/1', role: 'write' }, { role: 'status' }],
      problems: [],
    })
  })

  test.each([
    [[], 'brook: <file> is missing'],
    [['a', 'b'], 'brook: "b" is one word too many'],
    [['/nowhere/x.csv'], 'there is no file /nowhere/x.csv of group addresses'],
  ])('says what is wrong with %j', async (args, message) => {
    const { code, err } = await brook(['knx', 'check', ...args])
    expect(code).toBe(2)
    expect(err).toContain(message)
  })

  test('needs a gateway where it is a setting', () => {
    expect(() => loadBuildingSettings(['--knx-groups', file], {})).toThrow(
      'BROOK_KNX_GROUPS is set without BROOK_KNX_GATEWAY',
    )
  })
})

describe('brook knx monitor', () => {
  test('shows telegrams with the names and types of the export, and sends nothing', async () => {
    await write('Kitchen - Temperature;3/0/1;DPST-9-1')
    const gateway = new GatewaySimulator({
      datapoints: [
        { status: '3/0/1', dpt: '9.001', initial: 20 },
        { status: '3/0/2', dpt: '5.001' },
      ],
      telegramTimeMs: 1,
    })
    const { port } = await gateway.start()
    try {
      const run = brook(['knx', 'monitor', file, '--gateway', `127.0.0.1:${port}`, '--count', '2'])
      await vi.waitFor(() => expect(gateway.tunnels).toBe(1))
      const telegrams: GroupTelegram[] = []
      gateway.onTelegram((telegram) => telegrams.push(telegram))
      gateway.setValue('3/0/1', 21.5)
      gateway.setValue('3/0/2', 40)
      const { code, out, err } = await run
      expect([code, err]).toEqual([0, `listening at 127.0.0.1:${port}\n`])
      expect(out).toMatch(
        /1\.1\.1 +3\/0\/1 +write +Kitchen - Temperature {2}21\.5 celsius\n.*3\/0\/2 +write +- {2}octets 66\n$/,
      )
      expect(gateway.tunnels).toBe(0)
      expect(telegrams).toHaveLength(2)
    } finally {
      await gateway.stop()
    }
  })

  test.each([
    [[], 'which gateway?'],
    [['--gateway', 'a:b:c'], '--gateway must be host or host:port'],
    [['--gateway', 'a', '--count', '0'], '--count must be a number from 1'],
  ])('says what is wrong with %j', async (args, message) => {
    const { code, err } = await brook(['knx', 'monitor', ...args])
    expect([code, err]).toEqual([2, expect.stringContaining(message)])
  })
})
