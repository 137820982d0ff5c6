import { describe, expect, it } from 'vitest'
import type { ActuatorState } from '../../schemas/types.ts'
import { reading, userCommand } from '../testing/fixtures.ts'
import {
  commanded,
  foundAt,
  isAt,
  isMoving,
  levelOf,
  newActuator,
  reported,
  resulted,
  withoutExpired,
} from './actuators.ts'

const T = 1_000_000
const HOUR = 3_600_000
const settings = { commandSettleMs: 10_000 }

const lamp = newActuator('lamp', 'light')
/** A rule sent it to 100 at T. */
const sent: ActuatorState = { ...lamp, expected: 100, expectedAtMs: T, commandId: 'c1' }
const says = (before: ActuatorState, value: number, eventTimeMs: number, changes = {}) =>
  reported(before, reading({ kind: 'light', deviceId: 'lamp', value, eventTimeMs, ...changes }), HOUR, settings)
const confirmed = says(sent, 99, T + 1_000)

describe('a device that was sent somewhere', () => {
  it('is moving until it reports to be there', () => {
    expect(isMoving(sent, T + 1, 120_000)).toBe(true)
    expect(isMoving(sent, T + 120_000, 120_000)).toBe(false)
    expect(confirmed).toMatchObject({ confirmed: true, level: 99 })
    expect(isMoving(confirmed, T + 1_001, 120_000)).toBe(false)
  })

  it('is confirmed by the result of its command, and of no other', () => {
    const result = {
      commandId: 'c1',
      deviceId: 'lamp',
      roomId: 'r1',
      status: 'confirmed',
      detail: null,
      atMs: T + 5,
    } as const
    expect(resulted(sent, result)).toMatchObject({ confirmed: true, level: 100, levelAtMs: T + 5 })
    expect(resulted(sent, { ...result, commandId: 'c0' })).toBe(sent)
    expect(resulted(sent, { ...result, status: 'timed_out' })).toBe(sent)
  })

  it.each([
    ['on its way', sent, 40, T + 3_000, {}],
    ['reporting late from before', sent, 0, T - 1, {}],
    ['swinging a little after it has arrived', confirmed, 60, T + 9_999, {}],
    ['rounding', confirmed, 98, T + 60_000, {}],
    ['replayed by the bus', confirmed, 0, T + 60_000, { retained: true }],
    ['never seen where it was sent', sent, 0, T + 60_000, {}],
  ])('is not taken for moved by hand when it is %s', (_, before, value, timeMs, changes) => {
    expect(says(before, value, timeMs, changes).override).toBeNull()
  })

  it('is taken for moved by hand when it was there and reports another level', () => {
    expect(says(confirmed, 30, T + 20_000)).toMatchObject({
      level: 30,
      expected: 30,
      override: { by: 'hand', value: 30, sinceMs: T + 20_000, untilMs: T + 20_000 + HOUR },
    })
  })

  it('does not go back by a report that comes out of order', () => {
    expect(says(confirmed, 0, T + 500)).toBe(confirmed)
  })
})

describe('a manual command', () => {
  const command = userCommand({ value: 40, issuedAtMs: T + 5_000 })
  it('starts an override from its time', () => {
    const held = commanded(confirmed, command, HOUR)
    expect(held).toMatchObject({ expected: 40, confirmed: false, override: { by: 'user:ann', value: 40 } })
    expect(withoutExpired(held, T + 5_000 + HOUR - 1)).toBe(held)
    expect(withoutExpired(held, T + 5_000 + HOUR)).toMatchObject({ override: null, expected: 40 })
  })

  it('that a command of a rule crossed on the way starts one, where the rule sent the device', () => {
    const crossed = commanded(sent, userCommand({ value: 40, issuedAtMs: T - 1 }), HOUR)
    expect(crossed).toMatchObject({ expected: 100, override: { value: 40, sinceMs: T - 1 } })
  })

  it('that is older than the override in force changes nothing', () => {
    const held = commanded(confirmed, command, HOUR)
    expect(commanded(held, userCommand({ issuedAtMs: T + 4_999 }), HOUR)).toBe(held)
  })
})

describe('where a device is', () => {
  it.each([
    ['is not known at first', lamp, undefined],
    ['is where it was sent when it says nothing', sent, 100],
    ['is what it reports', confirmed, 99],
    ['is where it was sent after its last report', { ...confirmed, expected: 0, expectedAtMs: T + 9_000 }, 0],
  ])('%s', (_, actuator, level) => {
    expect(levelOf(actuator)).toBe(level)
  })

  it.each([
    ['unknown', lamp, 100, false],
    ['sent there', sent, 100, true],
    ['sent elsewhere', sent, 0, false],
    ['reported there, never sent', { ...lamp, level: 0, levelAtMs: T }, 0, true],
    ['reported there before it was sent elsewhere', { ...sent, level: 0, levelAtMs: T - 5 }, 0, false],
    ['reported there after it was sent elsewhere', { ...sent, level: 0, levelAtMs: T + 5 }, 0, true],
  ])('at the target when %s: %s', (_, actuator, target, there) => {
    expect(isAt(actuator, target)).toBe(there)
  })

  it('becomes where it ought to be when a rule finds it as wanted', () => {
    const found = foundAt({ ...lamp, level: 1, levelAtMs: T }, 0)
    expect(found).toMatchObject({ expected: 1, expectedAtMs: T, confirmed: true })
    expect(says(found, 80, T + 20_000).override).toMatchObject({ by: 'hand' })
  })
})
