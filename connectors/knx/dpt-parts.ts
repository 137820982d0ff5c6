import { bitsOf, type DatapointType, type DptParts, inBits, inOctets, octetsOf, wholeNumber } from './datapoint-type.ts'
import { DptError } from './errors.ts'

type Parts = DatapointType<DptParts>

/** Clause 3.2, B2: a value, and whether it overrides (`control`). */
export function forced(id: string, name: string): Parts {
  return {
    id,
    name,
    unit: '',
    encode: ({ control, value }) => inBits((control === true ? 2 : 0) | wholeNumber(id, 'a value', value, 0, 1)),
    decode(payload) {
      const bits = bitsOf(id, 2, payload)
      return { control: (bits & 2) !== 0, value: bits & 1 }
    },
  }
}

/** Clause 3.3, B1U3: dim brighter or blinds down (`increase`), by 1/2^(step - 1) of the way; step 0 stops. */
export function relativeControl(id: string, name: string): Parts {
  return {
    id,
    name,
    unit: '',
    encode: ({ increase, step }) => inBits((increase === true ? 8 : 0) | wholeNumber(id, 'a step', step, 0, 7)),
    decode(payload) {
      const bits = bitsOf(id, 4, payload)
      return { increase: (bits & 8) !== 0, step: bits & 7 }
    },
  }
}

/** Clause 3.11, N3N5r2N6r2N6: a time of day; weekday 1 is Monday, 0 says none. */
export function timeOfDay(id: string, name: string): Parts {
  return {
    id,
    name,
    unit: '',
    encode({ weekday, hour, minute, second }) {
      const day = wholeNumber(id, 'a weekday', weekday, 0, 7)
      const first = (day << 5) | wholeNumber(id, 'an hour', hour, 0, 23)
      const rest = [wholeNumber(id, 'a minute', minute, 0, 59), wholeNumber(id, 'a second', second, 0, 59)]
      return inOctets(Buffer.of(first, ...rest))
    },
    decode(payload) {
      const data = octetsOf(id, 3, payload)
      return {
        weekday: data[0]! >> 5,
        hour: wholeNumber(id, 'an hour', data[0]! & 31, 0, 23),
        minute: wholeNumber(id, 'a minute', data[1], 0, 59),
        second: wholeNumber(id, 'a second', data[2], 0, 59),
      }
    },
  }
}

/** Clause 3.12, r3N5r4N4r1U7: a date from 1990 to 2089. */
export function date(id: string, name: string): Parts {
  return {
    id,
    name,
    unit: '',
    encode({ year, month, day }) {
      const fullYear = wholeNumber(id, 'a year', year, 1990, 2089)
      const rest = [wholeNumber(id, 'a day', day, 1, 31), wholeNumber(id, 'a month', month, 1, 12)]
      return inOctets(Buffer.of(...rest, fullYear % 100))
    },
    decode(payload) {
      const data = octetsOf(id, 3, payload)
      const short = wholeNumber(id, 'a year', data[2], 0, 99)
      return {
        year: short >= 90 ? 1900 + short : 2000 + short,
        month: wholeNumber(id, 'a month', data[1], 1, 12),
        day: wholeNumber(id, 'a day', data[0], 1, 31),
      }
    },
  }
}

const FAULT = 0x80
const NO_YEAR = 0x10
const NO_DATE = 0x08
const NO_WEEKDAY = 0x04
const NO_TIME = 0x02
const SUMMER_TIME = 0x01

/** Clause 3.20: date and time; what the sender does not know is null, and hour 24 is the end of a day. */
export function dateTime(id: string, name: string): Parts {
  return {
    id,
    name,
    unit: '',
    encode({
      year = null,
      month = null,
      day = null,
      weekday = null,
      hour = null,
      minute = null,
      second = null,
      ...rest
    }) {
      const flags =
        (rest['fault'] === true ? FAULT : 0) |
        (year === null ? NO_YEAR : 0) |
        (month === null || day === null ? NO_DATE : 0) |
        (weekday === null ? NO_WEEKDAY : 0) |
        (hour === null || minute === null || second === null ? NO_TIME : 0) |
        (rest['summerTime'] === true ? SUMMER_TIME : 0)
      const octets = [
        year === null ? 0 : wholeNumber(id, 'a year', year, 1900, 2155) - 1900,
        flags & NO_DATE ? 0 : wholeNumber(id, 'a month', month, 1, 12),
        flags & NO_DATE ? 0 : wholeNumber(id, 'a day', day, 1, 31),
        ((weekday === null ? 0 : wholeNumber(id, 'a weekday', weekday, 0, 7)) << 5) |
          (flags & NO_TIME ? 0 : wholeNumber(id, 'an hour', hour, 0, 24)),
        flags & NO_TIME ? 0 : wholeNumber(id, 'a minute', minute, 0, 59),
        flags & NO_TIME ? 0 : wholeNumber(id, 'a second', second, 0, 59),
      ]
      return inOctets(Buffer.of(...octets, flags, rest['clockSynchronised'] === true ? 0x80 : 0))
    },
    decode(payload) {
      const data = octetsOf(id, 8, payload)
      const flags = data[6]!
      const unless = (missing: number, what: string, value: number, min: number, max: number): number | null =>
        flags & missing ? null : wholeNumber(id, what, value, min, max)
      return {
        year: unless(NO_YEAR, 'a year', 1900 + data[0]!, 1900, 2155),
        month: unless(NO_DATE, 'a month', data[1]!, 1, 12),
        day: unless(NO_DATE, 'a day', data[2]!, 1, 31),
        weekday: unless(NO_WEEKDAY, 'a weekday', data[3]! >> 5, 0, 7),
        hour: unless(NO_TIME, 'an hour', data[3]! & 31, 0, 24),
        minute: unless(NO_TIME, 'a minute', data[4]!, 0, 59),
        second: unless(NO_TIME, 'a second', data[5]!, 0, 59),
        summerTime: (flags & SUMMER_TIME) !== 0,
        fault: (flags & FAULT) !== 0,
        clockSynchronised: (data[7]! & 0x80) !== 0,
      }
    },
  }
}

/** Clause 3.19, B1r1U6: a scene is recalled, or learned (`learn`). Scene 0 is the one that tools call 1. */
export function sceneControl(id: string, name: string): Parts {
  return {
    id,
    name,
    unit: '',
    encode: ({ learn, scene }) =>
      inOctets(Buffer.of((learn === true ? 0x80 : 0) | wholeNumber(id, 'a scene', scene, 0, 63))),
    decode(payload) {
      const octet = octetsOf(id, 1, payload)[0]!
      if (octet & 0x40) throw new DptError(`DPT ${id} keeps one bit clear, got 0x${octet.toString(16)}`)
      return { learn: (octet & 0x80) !== 0, scene: octet & 63 }
    },
  }
}

/** DPT 232.600, U8U8U8. */
export function colour(id: string, name: string): Parts {
  const parts = ['red', 'green', 'blue'] as const
  return {
    id,
    name,
    unit: '',
    encode: (value) => inOctets(Buffer.from(parts.map((part) => wholeNumber(id, part, value[part], 0, 255)))),
    decode(payload) {
      const data = octetsOf(id, 3, payload)
      return { red: data[0]!, green: data[1]!, blue: data[2]! }
    },
  }
}

/** DPT 251.600, U8U8U8U8r8r4B4: a part that is not to be changed is null. */
export function colourAndWhite(id: string, name: string): Parts {
  const parts = ['red', 'green', 'blue', 'white'] as const
  return {
    id,
    name,
    unit: '',
    encode(value) {
      const octets = parts.map((part) => (value[part] === null ? 0 : wholeNumber(id, part, value[part], 0, 255)))
      const valid = parts.reduce((mask, part, i) => mask | (value[part] === null ? 0 : 8 >> i), 0)
      return inOctets(Buffer.of(...octets, 0, valid))
    },
    decode(payload) {
      const data = octetsOf(id, 6, payload)
      return Object.fromEntries(parts.map((part, i) => [part, data[5]! & (8 >> i) ? data[i]! : null]))
    },
  }
}

/** Clauses 3.4 and 3.17: characters of ASCII (up to `last` 0x7f) or ISO 8859-1, filled up with 0. */
export function text(id: string, name: string, octets: number, last: number): DatapointType<string> {
  return {
    id,
    name,
    unit: '',
    encode(value) {
      const data = Buffer.alloc(octets)
      const isCarried = [...value].every((character) => character.charCodeAt(0) <= last && character !== '\0')
      if (value.length > octets || !isCarried)
        throw new DptError(`DPT ${id} carries up to ${octets} characters of ${last > 127 ? 'ISO 8859-1' : 'ASCII'}`)
      data.write(value, 'latin1')
      return inOctets(data)
    },
    decode(payload) {
      const read = octetsOf(id, octets, payload).toString('latin1')
      const end = read.indexOf('\0')
      return end < 0 ? read : read.slice(0, end)
    },
  }
}
