import { expect, it } from 'vitest'
import { crc32c } from './crc32c.ts'

/** RFC 3720, appendix B.4, and the usual check value. */
it.each([
  ['nothing', Buffer.alloc(0), 0],
  ['the check text', Buffer.from('123456789'), 0xe3069283],
  ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
  ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
  ['32 ascending', Buffer.from(Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e],
  ['32 descending', Buffer.from(Array.from({ length: 32 }, (_, i) => 31 - i)), 0x113fdb5c],
])('is the published value for %s', (_, data, expected) => {
  expect(crc32c(data)).toBe(expected)
})

it('takes a part of the bytes, at any alignment', () => {
  const data = Buffer.from('xxx123456789yy')
  expect(crc32c(data, 3, 12)).toBe(0xe3069283)
})
