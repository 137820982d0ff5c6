import { describe, expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { SortedRows } from './sorted-rows.ts'

const key = (n: number): Buffer => Buffer.from([n >> 8, n & 0xff])

describe('rows sorted in memory', () => {
  it('do what a sorted map does, over many chunks', () => {
    const at = fc.nat(3000)
    const command = fc.oneof(
      fc.record({ do: fc.constant('fill' as const), at, count: fc.nat(1500) }),
      fc.record({ do: fc.constantFrom('set' as const, 'delete' as const), at }),
      fc.record({ do: fc.constantFrom('deleteRange' as const, 'count' as const), at, to: at }),
      fc.record({
        do: fc.constant('scan' as const),
        at,
        to: at,
        bounds: fc.nat(8),
        reverse: fc.boolean(),
        limit: fc.option(fc.nat(900), { nil: undefined }),
      }),
    )
    fc.assert(
      fc.property(fc.array(command, { maxLength: 25 }), (commands) => {
        const rows = new SortedRows()
        const model = new Map<number, number>()
        let version = 0
        const set = (n: number): void => {
          rows.set(key(n), Buffer.from([++version & 0xff]))
          model.set(n, version & 0xff)
        }
        for (const step of commands) {
          if (step.do === 'fill') for (let n = step.at; n < step.at + step.count; n++) set((n * 7) % 4096)
          else if (step.do === 'set') set(step.at)
          else if (step.do === 'delete') {
            rows.delete(key(step.at))
            model.delete(step.at)
          } else if (step.do === 'deleteRange') {
            rows.deleteRange(key(step.at), key(step.to))
            for (const n of [...model.keys()]) if (n >= step.at && n < step.to) model.delete(n)
          } else if (step.do === 'count') {
            expect(rows.count(key(step.at), key(step.to))).toBe(
              [...model.keys()].filter((n) => n >= step.at && n < step.to).length,
            )
          } else if (step.do === 'scan') {
            const lower = [{}, { gte: key(step.at) }, { gt: key(step.at) }][step.bounds % 3]
            const upper = [{}, { lte: key(step.to) }, { lt: key(step.to) }][Math.floor(step.bounds / 3)]
            const limit = step.limit === undefined ? {} : { limit: step.limit }
            const expected = [...model]
              .filter(([n]) => [true, n >= step.at, n > step.at][step.bounds % 3])
              .filter(([n]) => [true, n <= step.to, n < step.to][Math.floor(step.bounds / 3)])
              .sort(([a], [b]) => (step.reverse ? b - a : a - b))
              .slice(0, step.limit)
            const found = [...rows.scan({ ...lower, ...upper, ...limit, reverse: step.reverse })]
            expect(found.map(([k, value]) => [k.readUInt16BE(0), value[0]])).toEqual(expected)
          }
          expect(rows.size).toBe(model.size)
        }
        for (const [n, value] of model) expect(rows.get(key(n))?.[0]).toBe(value)
        expect(rows.get(key(5000))).toBeUndefined()
      }),
      { numRuns: 150 },
    )
  })

  it('a scan shows the rows as they were when it began', () => {
    const rows = new SortedRows()
    for (let n = 0; n < 2000; n++) rows.set(key(n), Buffer.from('old'))
    const scan = rows.scan({})
    const seen = [scan.next().value as readonly [Buffer, Buffer]]
    for (let n = 0; n < 2000; n += 2) rows.set(key(n), Buffer.from('new'))
    rows.deleteRange(key(1000), key(1500))
    rows.delete(key(1999))
    rows.set(key(3000), Buffer.from('new'))
    seen.push(...scan)
    expect(seen.map(([k]) => k.readUInt16BE(0))).toEqual(Array.from({ length: 2000 }, (_, n) => n))
    expect(seen.every(([, value]) => value.toString() === 'old')).toBe(true)
    expect(rows.size).toBe(1500)
  })
})
