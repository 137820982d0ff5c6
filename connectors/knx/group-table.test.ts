import { describe, expect, it } from 'vitest'
import { withDefaults } from '../../schemas/avro-type.ts'
import { KnxGroup, type ReadingKind } from '../../schemas/types.ts'
import { device } from '../testing/fixtures.ts'
import { parseGroupAddress } from './addresses.ts'
import { carrierOf } from './carriers.ts'
import { dptOf } from './dpt.ts'
import { codecOf, GroupTable } from './group-table.ts'

type GroupGiven = Pick<KnxGroup, 'kind' | 'write' | 'status' | 'dpt'> & Partial<KnxGroup>
const one = (deviceId: string, ...groups: GroupGiven[]) =>
  device({ deviceId, knx: { groups: groups.map((group) => withDefaults(KnxGroup, group)) } })
const blinds = { kind: 'blinds', write: '1/0/1', status: '1/0/2', dpt: '5.001' } as const
const at = (table: GroupTable, address: string) =>
  table.at(parseGroupAddress(address)).map((use) => `${use.entry.device.deviceId} ${use.role}`)

describe('the group table', () => {
  it('knows an address by its role, several devices at a time', () => {
    const table = new GroupTable()
    expect(table.put(one('a', blinds))).toEqual([])
    table.put(one('b', { ...blinds, status: '1/0/3' }))
    table.put(one('c', { kind: 'switch', write: '1/1/1', status: '1/1/1', dpt: '1.001' }))
    expect(at(table, '1/0/1')).toEqual(['a write', 'b write'])
    expect(at(table, '1/0/2')).toEqual(['a status'])
    expect(at(table, '1/1/1')).toEqual(['c status'])
    expect(at(table, '7/7/7')).toEqual([])
    expect(table.statusAddresses()).toEqual(['1/0/2', '1/0/3', '1/1/1'].map(parseGroupAddress))
  })

  it('forgets the old addresses of a device that changes or goes', () => {
    const table = new GroupTable()
    table.put(one('a', blinds))
    table.put(one('b', blinds))
    table.put(one('a', { ...blinds, status: '2/0/2' }))
    expect(at(table, '1/0/2')).toEqual(['b status'])
    expect(at(table, '2/0/2')).toEqual(['a status'])
    table.remove('b')
    expect(at(table, '1/0/2')).toEqual([])
    expect(table.statusAddresses('a')).toEqual([parseGroupAddress('2/0/2')])
    table.put(device({ deviceId: 'a' }))
    expect(table.statusAddresses()).toEqual([])
  })

  it('uses what it can of a record and names the rest', () => {
    const table = new GroupTable()
    const problems = table.put(
      one(
        'a',
        blinds,
        { ...blinds, kind: 'radiator', write: '1/0/300' },
        { ...blinds, kind: 'switch' },
        { ...blinds, kind: 'light', dpt: '20.999' },
      ),
    )
    expect(problems).toEqual([
      'radiator of a: "1/0/300" is not a KNX group address such as 1/0/2',
      'switch of a: DPT 5.001 does not carry switch',
      expect.stringContaining('light of a: there is no codec for the datapoint type "20.999"'),
    ])
    expect(table.entry('a', 'blinds')).toBeDefined()
    expect(table.entry('a', 'radiator')).toBeUndefined()
  })
})

describe('how kinds are carried', () => {
  it.each<[ReadingKind, string, number, number]>([
    ['blinds', '5.001', 100, 100],
    ['blinds', '1.008', 100, 0],
    ['blinds', '1.008', 0, 1],
    ['radiator', '5.001', 30, 30],
    ['radiator', '1.001', 100, 1],
    ['light', '1.001', 0, 0],
    ['switch', '1.001', 1, 1],
    ['temperature', '9.001', 21.5, 21.5],
    ['temperature', '9.027', 0, 32],
    ['temperature', '14.069', 0, 273.15],
    ['pressure', '9.006', 1013.25, 101_325],
  ])('%s by DPT %s: %d is %d on the bus', (kind, dpt, value, payload) => {
    const carrier = carrierOf(kind, dptOf(dpt))!
    expect(carrier.toPayload(value)).toBeCloseTo(payload, 9)
    expect(carrier.toReading(payload)).toBeCloseTo(value, 9)
  })

  it.each<[ReadingKind, string]>([
    ['blinds', '1.001'],
    ['switch', '5.001'],
    ['temperature', '9.004'],
    ['battery', '9.020'],
  ])('%s is not carried by DPT %s', (kind, dpt) => {
    expect(carrierOf(kind, dptOf(dpt))).toBeUndefined()
  })

  it.each([
    ['blinds', '5.001', 30, 70],
    ['blinds', '1.008', 100, 1],
    ['switch', '1.001', 1, 0],
  ] as const)('inverted %s by DPT %s: %d is %d on the bus', (kind, dpt, value, payload) => {
    const table = new GroupTable()
    expect(table.put(one('a', { kind, write: '1/0/1', status: null, dpt, inverted: true }))).toEqual([])
    const carrier = table.entry('a', kind)!.carrier
    expect(carrier.toPayload(value)).toBe(payload)
    expect(carrier.toReading(payload)).toBe(value)
  })

  it('a status address may be of another type than the write address', () => {
    const table = new GroupTable()
    table.put(one('a', { ...blinds, dpt: '1.008', statusDpt: '5.001', inverted: false }))
    const [write] = table.at(parseGroupAddress('1/0/1'))
    const [status] = table.at(parseGroupAddress('1/0/2'))
    expect([codecOf(write!).dpt.id, codecOf(status!).dpt.id]).toEqual(['1.008', '5.001'])
  })

  it('blinds by DPT 1.008 stop nowhere between, any light above 0 is on', () => {
    expect(carrierOf('blinds', dptOf('1.008'))?.toPayload(50)).toBeUndefined()
    expect(carrierOf('light', dptOf('1.001'))?.toPayload(5)).toBe(1)
  })
})
