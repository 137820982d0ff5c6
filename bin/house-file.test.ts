import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ConfigError } from '../common/errors.ts'
import { housePublications } from '../topology/rooms-config.ts'
import { readHouseFile } from './house-file.ts'

const directory = mkdtempSync(join(tmpdir(), 'brook-house-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const read = (text: string) => {
  const path = join(directory, 'house.yaml')
  writeFileSync(path, text)
  return readHouseFile(path, 'Europe/Zurich')
}
const problemsOf = async (text: string): Promise<readonly string[]> => {
  const error = await read(text).catch((thrown: unknown) => thrown)
  if (!(error instanceof ConfigError)) throw new Error(`it was taken, or failed otherwise: ${String(error)}`)
  return error.problems
}

const HOUSE = `
floors:
  - floor: '1'
    rooms:
      - roomId: hall
        name: Hall
        rules: { darkBelowLux: 150, blindsClose: false }
        devices:
          - { deviceId: s, name: Sensor, type: sensor, kinds: [temperature], mqtt: { topic: building/hall/s } }
          - deviceId: b
            name: Blinds
            type: blinds
            kinds: [blinds]
            knx: [{ kind: blinds, write: 1/1/1, status: 4/1/1 }]
          - { deviceId: l, name: Lamp, type: dimmer, kinds: [light], zwave: { nodeId: 5 } }
`

describe('a house in a file', () => {
  test('becomes the records of a house, with the time zone of the settings where it names none', async () => {
    const { devices, rules } = housePublications(await read(HOUSE))
    expect(devices.map(({ deviceId, bus }) => `${deviceId} ${bus}`)).toEqual(['s mqtt', 'b knx', 'l zwave'])
    expect(rules).toMatchObject([{ roomId: 'hall', timeZone: 'Europe/Zurich', darkBelowLux: 150, blindsClose: false }])
    expect((await read(`timeZone: America/New_York\n${HOUSE}`)).timeZone).toBe('America/New_York')
  })

  test('is refused with all that is wrong with what it says', async () => {
    const text = HOUSE.replace('darkBelowLux: 150', 'darkBelowLux: dark, dimmish: 1')
      .replace('deviceId: b', 'deviceId: s')
      .replace('4/1/1', '1/1/1')
      .concat('timeZone: Mars/Olympus\n')
    expect((await problemsOf(text)).map((problem) => problem.replace(/^BROOK_HOUSE \(.*?\): /, ''))).toEqual([
      'timeZone must be such as Europe/Zurich, got "Mars/Olympus"',
      'room hall: darkBelowLux must be a number, got "dark"',
      'room hall has a rule setting dimmish, which there is not',
      'there are two devices s',
    ])
  })

  test.each([
    ['a misspelt field', HOUSE.replace('mqtt:', 'mqqt:'), /devices\.0.*mqqt/],
    ['a kind that there is not', HOUSE.replace('[temperature]', '[taste]'), /devices\.0\.kinds\.0/],
    ['nothing', '', /expected object/],
    ['no floors', 'floors: []', /floors/],
    ['no YAML', 'floors: [', /cannot be read/],
  ])('is refused for %s, which is named', async (_, text, reason) => {
    expect((await problemsOf(text)).join('\n')).toMatch(reason)
  })

  test('that is not there is named', async () => {
    await expect(readHouseFile('/nowhere/house.yaml', 'UTC')).rejects.toThrow(/\/nowhere\/house\.yaml.*cannot be read/)
  })
})
