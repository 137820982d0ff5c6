import { expect, it } from 'vitest'
import { withDefaults } from '../../schemas/avro-type.ts'
import { KnxGroup } from '../../schemas/types.ts'
import { device } from '../testing/fixtures.ts'
import { parseGroupAddress } from './addresses.ts'
import type { GroupPayload } from './dpt.ts'
import { KnxTimeoutError } from './errors.ts'
import { GroupTable } from './group-table.ts'
import { awaitStatus } from './status-confirmation.ts'

/** Whether a value on the status address confirms what was written. */
async function confirms(group: Partial<KnxGroup> & Pick<KnxGroup, 'kind' | 'dpt'>, target: number, shown: number) {
  const table = new GroupTable()
  const groups = [withDefaults(KnxGroup, { write: '1/0/1', status: '1/0/2', ...group })]
  expect(table.put(device({ knx: { groups } }))).toEqual([])
  const entry = table.entry('d1', group.kind)!
  let listener: (payload: GroupPayload) => void = () => {}
  const ended = awaitStatus({
    link: { read: () => Promise.reject(new KnxTimeoutError('nobody answers')) },
    entry,
    statusAddress: parseGroupAddress('1/0/2'),
    target,
    watch: (_, told) => {
      listener = told
      return () => {}
    },
    timeoutMs: 30,
    readBackAfterMs: 10,
    signal: new AbortController().signal,
  })
  listener(entry.statusDpt.encode(shown))
  const { arrived, reported } = await ended
  expect(reported).toBeCloseTo(shown, 0)
  return arrived
}

it.each([
  ['percent, the same', { kind: 'light', dpt: '5.001' }, 40, 40, true],
  ['percent, a step of the encoding apart', { kind: 'light', dpt: '5.001' }, 40, 40.39, true],
  ['percent, another', { kind: 'light', dpt: '5.001' }, 40, 42, false],
  ['on, and whatever level it was left at', { kind: 'light', dpt: '1.001', statusDpt: '5.001' }, 1, 60, true],
  ['on, and still dark', { kind: 'light', dpt: '1.001', statusDpt: '5.001' }, 1, 0, false],
  ['off', { kind: 'light', dpt: '1.001', statusDpt: '5.001' }, 0, 0, true],
  ['off, and still lit', { kind: 'light', dpt: '1.001', statusDpt: '5.001' }, 0, 3, false],
  ['up, and open', { kind: 'blinds', dpt: '1.008', statusDpt: '5.001', inverted: true }, 0, 0, true],
  ['up, and on the way', { kind: 'blinds', dpt: '1.008', statusDpt: '5.001', inverted: true }, 0, 50, false],
  ['down, and closed', { kind: 'blinds', dpt: '1.008', statusDpt: '5.001', inverted: true }, 1, 100, true],
  ['percent to one that says only on or off', { kind: 'light', dpt: '5.001', statusDpt: '1.001' }, 40, 1, true],
] as const)('%s', async (_, group, target, shown, expected) => {
  expect(await confirms(group, target, shown)).toBe(expected)
})
