import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { silentLogger } from '../../common/log.ts'
import { houseProblems } from '../../topology/rooms-config.ts'
import { readHouseFile } from '../house-file.ts'
import { loadBuildingSettings } from '../settings.ts'
import { typed } from './console.ts'
import { askControl } from './control-client.ts'
import { ControlServer } from './control-server.ts'
import { simulateOptions } from './simulate-options.ts'
import { type SimulatedBuilding, startSimulatedBuilding } from './simulated-building.ts'
import { statusLine, statusOf } from './status.ts'

const { settings } = loadBuildingSettings([], { BROOK_MQTT_PORT: '0' })

describe('the options of brook simulate', () => {
  test('have defaults for all three wires', () => {
    expect(simulateOptions({}, settings, 5)).toMatchObject({
      rooms: 12,
      seed: 1,
      speed: 1,
      startMs: 5,
      mqtt: 'own',
      knx: { host: '127.0.0.1', port: 3671 },
      zwave: { port: 4901 },
      controlPort: 8079,
    })
  })

  test('choose each wire by itself', () => {
    const { mqtt, knx, zwave } = simulateOptions(
      { mqtt: 'mqtts://broker:8883', knx: 'off', zwave: 'pty:/tmp/stick', start: '2026-01-15T08:00Z', speed: '10x' },
      settings,
      0,
    )
    expect([mqtt, knx, zwave]).toEqual([{ url: 'mqtts://broker:8883' }, undefined, { port: 0, ptyPath: '/tmp/stick' }])
  })

  test('are refused with every problem at once', () => {
    const wrong = {
      rooms: '0',
      seed: '-1',
      speed: '9999x',
      knx: 'a:b:c',
      zwave: 'usb',
      start: 'soon',
      fault: 'x',
      mqtt: 'http://x',
    }
    try {
      simulateOptions(wrong, settings, 0)
      expect.unreachable()
    } catch (error) {
      for (const name of Object.keys(wrong)) expect((error as Error).message).toContain(`--${name}: `)
    }
    expect(() => simulateOptions({ mqtt: 'off', knx: 'off', zwave: 'off' }, settings, 0)).toThrow('nothing is left')
  })
})

describe('a simulation that runs', () => {
  const directory = mkdtempSync(join(tmpdir(), 'brook-simulate-'))
  let building: SimulatedBuilding
  let control: ControlServer
  let url: string

  beforeAll(async () => {
    const options = { rooms: '8', floors: '2', knx: '127.0.0.1:0', zwave: 'tcp:0', control: '0', directory }
    building = await startSimulatedBuilding(simulateOptions(options, settings, Date.now()), {
      settings,
      log: silentLogger,
    })
    control = new ControlServer(building)
    url = await control.start(0)
  })
  afterAll(async () => {
    await control.stop()
    await building.stop()
    rmSync(directory, { recursive: true, force: true })
  })

  test('writes a house that a building takes', async () => {
    const path = building.env['BROOK_HOUSE'] as string
    expect(await readHouseFile(path, 'Europe/Zurich')).toEqual(JSON.parse(readFileSync(path, 'utf8')))
    expect(houseProblems(building.house)).toEqual([])
    const { settings: taken } = loadBuildingSettings([], building.env)
    expect(taken).toMatchObject({ simulate: 'none', house: path, mqttUrl: building.env['BROOK_MQTT_URL'] })
  })

  test('tells how it fares and takes faults over HTTP', async () => {
    expect(await askControl(url, 'GET', '/v1/simulation')).toMatchObject({
      rooms: 8,
      mqtt: { isConnected: true },
      knx: { tunnels: 0 },
      faults: [],
    })
    const fault = await askControl(url, 'POST', '/v1/faults', { name: 'mqtt-doubled', durationMs: 60_000 })
    expect(fault).toMatchObject({ name: 'mqtt-doubled', deviceId: 'sensor-103' })
    expect(statusLine(statusOf(building))).toContain('mqtt-doubled of sensor-103 (60 s more)')
    expect(await askControl(url, 'DELETE', '/v1/faults/mqtt-doubled?device=sensor-103')).toMatchObject({
      ended: [{ deviceId: 'sensor-103' }],
    })
    await expect(askControl(url, 'DELETE', '/v1/faults/mqtt-doubled')).rejects.toThrow('does not go on')
    await expect(askControl(url, 'POST', '/v1/faults', { name: 1 })).rejects.toThrow('name must be')
    await expect(askControl(url, 'GET', '/v1/nothing')).rejects.toThrow('there is no GET /v1/nothing')
  })

  test.each<[string, Record<string, string>, number]>([
    ['a page of another site', { origin: 'http://evil.example' }, 403],
    ['a name that was made to lead here', { host: 'evil.example' }, 403],
    ['a form', { 'content-type': 'text/plain' }, 400],
  ])('takes nothing from %s', async (_, headers, wanted) => {
    const status = await new Promise((resolve, reject) => {
      const all = { 'content-type': 'application/json', ...headers }
      const asked = request(new URL('/v1/faults', url), { method: 'POST', headers: all }, (answer) => {
        answer.resume()
        resolve(answer.statusCode)
      })
      asked.on('error', reject)
      asked.end('{"name":"knx-silent"}')
    })
    expect(status).toBe(wanted)
    expect(building.faults.active).toEqual([])
  })

  test('has its broker taken away and given back on the same port', async () => {
    await building.faults.begin({ name: 'mqtt-broker-gone' })
    await expect.poll(() => statusLine(statusOf(building))).toContain('MQTT without its broker')
    await building.faults.end('mqtt-broker-gone')
    await expect.poll(() => building.simulation.wires.mqtt?.connected, { timeout: 5_000 }).toBe(true)
  })

  test('has its gateway and its stick taken away and given back', async () => {
    for (const name of ['knx-link-lost', 'zwave-unplugged']) {
      await building.faults.begin({ name })
      await building.faults.end(name)
    }
    expect(building.env['BROOK_ZWAVE_PORT']).toBe(building.simulation.wires.zwave?.path)
  })

  test('does what is typed', async () => {
    expect(await typed(building, 'status')).toContain('people in')
    expect(await typed(building, 'cover room-101')).toBe('room-101: done')
    expect(building.simulation.model.room('room-101').illuminanceLux).toBe(1)
    expect(await typed(building, 'cover room-999')).toContain('no room room-999')
    expect(await typed(building, 'fault sensor-stuck sensor-101 30s')).toBe('')
    expect(building.faults.active).toHaveLength(1)
    expect(await typed(building, 'end sensor-stuck')).toBe('')
    expect(await typed(building, 'dance')).toContain('quit')
    expect(await typed(building, '')).toBe('')
    expect(await typed(building, 'quit')).toBeUndefined()
  })
})
