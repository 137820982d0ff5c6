import { expect, it } from 'vitest'
import type { GroupService } from './cemi.ts'
import { Pacer } from './pacer.ts'
import { type PendingTelegram, TelegramQueue } from './telegram-queue.ts'

function telegram(service: GroupService, address: number): PendingTelegram {
  return { service, address, payload: { short: true, data: Buffer.of(0) }, failures: 0, settled: false, settle() {} }
}
const write = (address: number) => telegram('GroupValue_Write', address)
const read = (address: number) => telegram('GroupValue_Read', address)

function order(queue: TelegramQueue): PendingTelegram[] {
  const all: PendingTelegram[] = []
  for (let next = queue.next(); next; next = queue.next()) {
    all.push(next)
    queue.remove(next)
  }
  return all
}

it('hands writes and responses out in order, then reads', () => {
  const queue = new TelegramQueue()
  const telegrams = [read(1), write(1), telegram('GroupValue_Response', 1), read(2), write(2)]
  for (const one of telegrams) expect(queue.push(one)).toBeUndefined()
  expect(queue.size).toBe(5)
  expect(order(queue)).toEqual([telegrams[1], telegrams[2], telegrams[4], telegrams[0], telegrams[3]])
  expect(queue.size).toBe(0)
})

it('keeps the youngest of an address, at the end, and gives the older back', () => {
  const queue = new TelegramQueue()
  const [old, other, young] = [write(1), write(2), write(1)]
  queue.push(old)
  queue.push(other)
  expect(queue.push(young)).toBe(old)
  expect(order(queue)).toEqual([other, young])
})

it('puts one back in front, unless a younger one waits', () => {
  const queue = new TelegramQueue()
  const [sent, other] = [write(1), write(2)]
  queue.push(other)
  expect(queue.putBack(sent)).toBe(true)
  expect(queue.putBack(write(1))).toBe(false)
  expect(order(queue)).toEqual([sent, other])
})

it('removes what it holds only, and drains', () => {
  const queue = new TelegramQueue()
  const [kept, asked] = [write(1), read(1)]
  queue.push(kept)
  queue.push(asked)
  expect(queue.remove(write(1))).toBe(false)
  expect(queue.drain('reads')).toEqual([asked])
  expect(queue.drain('all')).toEqual([kept])
  expect(queue.next()).toBeUndefined()
})

it('a pacer spaces evenly, with some room to the next second, and saves nothing up', () => {
  const pacer = new Pacer(20)
  expect(pacer.waitMs(1_000)).toBe(0)
  pacer.take(1_000)
  expect(pacer.waitMs(1_000)).toBe(52.5)
  expect(pacer.waitMs(1_030)).toBe(22.5)
  pacer.take(1_052.5)
  expect(pacer.waitMs(1_052.5)).toBe(52.5)
  expect(pacer.waitMs(60_000)).toBe(0)
  pacer.take(60_000)
  expect(pacer.waitMs(60_001)).toBe(51.5)
})
