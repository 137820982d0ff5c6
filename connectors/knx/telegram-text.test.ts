import { expect, it } from 'vitest'
import { parseGroupAddress } from './addresses.ts'
import type { GroupService } from './cemi.ts'
import type { EtsGroup } from './ets-group.ts'
import { telegramText } from './telegram-text.ts'

const said = (dpt: string | undefined, hex: string, service: GroupService = 'GroupValue_Write') => {
  const address = parseGroupAddress('1/0/2')
  const group: EtsGroup = {
    line: 1,
    address,
    name: 'Kitchen',
    path: [],
    dpt,
    description: '',
    central: false,
    unfiltered: false,
  }
  const payload = { short: hex.length === 1, data: Buffer.from(hex.padStart(2, '0'), 'hex') }
  return telegramText({ service, source: 0x1107, destination: address, payload }, group)
}

it.each([
  ['DPST-5-1', '80', '50 percent', 50],
  ['DPST-9-1 DPST-9-2', '0c33', '21.5 celsius', 21.5],
  ['DPST-9-1', '7fff', 'no valid value', undefined],
  ['DPST-9-1', '0c', 'octets 0c (DPT 9.001 needs 2 octets, got 1 octets)', undefined],
  ['1.001', '1', '1', 1],
  ['3.007', '9', 'increase true, step 1', { increase: true, step: 1 }],
  ['16.000', '4b4e580000000000000000000000', '"KNX"', 'KNX'],
  ['232.600', 'ff8001', 'red 255, green 128, blue 1', { red: 255, green: 128, blue: 1 }],
  [undefined, 'ff8001', 'octets ff8001', undefined],
  ['DPST-99-1', '1', 'bits 01', undefined],
])('DPT %s, payload %s: %s', (dpt, hex, text, value) => {
  expect(said(dpt, hex)).toMatchObject({ source: '1.1.7', address: '1/0/2', service: 'write', name: 'Kitchen', text })
  expect(said(dpt, hex).value).toEqual(value)
})

it('a read has no value, and an address that is in no export has no name', () => {
  expect(said('9.001', '0', 'GroupValue_Read')).toMatchObject({ service: 'read', text: '' })
  const payload = { short: true, data: Buffer.of(1) }
  const telegram = { service: 'GroupValue_Response', source: 0, destination: 1, payload } as const
  expect(telegramText(telegram, undefined)).toMatchObject({ service: 'response', name: undefined, text: 'bits 01' })
})
