import { describe, expect, it } from 'vitest'
import type { KnxGroup, ReadingKind } from '../../schemas/types.ts'
import { device } from '../testing/fixtures.ts'
import { parseGroupAddress } from './addresses.ts'
import { carrierOf } from './carriers.ts'
import { dptOf } from './dpt.ts'
import { GroupTable } from './group-table.ts'

const one = (deviceId: string, ...groups: KnxGroup[]) => device({ deviceId, knx: { groups } })
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
        { ...blinds, kind: 'light', dpt: '20.102' },
      ),
    )
    expect(problems).toEqual([
      'radiator of a: "1/0/300" is not a KNX group address such as 1/0/2',
      'switch of a: DPT 5.001 does not carry switch',
      expect.stringContaining('light of a: there is no codec for the datapoint type "20.102"'),
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
  ])('%s by DPT %s: %d is %d on the bus', (kind, dpt, value, payload) => {
    const carrier = carrierOf(kind, dptOf(dpt))!
    expect(carrier.toPayload(value)).toBe(payload)
    expect(carrier.toReading(payload)).toBe(value)
  })

  it.each<[ReadingKind, string]>([
    ['blinds', '1.001'],
    ['switch', '5.001'],
    ['temperature', '9.004'],
    ['battery', '5.001'],
  ])('%s is not carried by DPT %s', (kind, dpt) => {
    expect(carrierOf(kind, dptOf(dpt))).toBeUndefined()
  })

  it('blinds by DPT 1.008 stop nowhere between, any light above 0 is on', () => {
    expect(carrierOf('blinds', dptOf('1.008'))?.toPayload(50)).toBeUndefined()
    expect(carrierOf('light', dptOf('1.001'))?.toPayload(5)).toBe(1)
  })
})
