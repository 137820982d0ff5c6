import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../../common/clock.ts'
import { type RunAs, TaskMailbox } from './task-mailbox.ts'

const OWNER = { run: (job: () => void | Promise<void>) => job() }

function mailbox() {
  const clock = new ManualClock(1_000)
  const seen: string[] = []
  const at: (number | undefined)[] = []
  let rung = 0
  const box = new TaskMailbox(
    () => clock.nowMs(),
    () => rung++,
  )
  const runAs: RunAs = (origin, job) => {
    at.push(origin?.offset)
    return job()
  }
  const note = (text: string) => () => void seen.push(text)
  return { box, work: box.workOf(OWNER), clock, seen, at, note, run: () => box.run(runAs), rung: () => rung }
}

const origin = (offset: number) => ({ topic: 't', partition: 0, offset })

describe('mail', () => {
  it('is run in the order in which it came, each with its origin, and what it asks for after it', () => {
    const { box, work, seen, at, note, run } = mailbox()
    work.post(origin(1), () => {
      seen.push('a')
      work.post(origin(3), note('c'))
    })
    work.post(origin(2), note('b'))
    expect(box.hasMail).toBe(true)
    expect(run()).toBe(true)
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(at).toEqual([1, 2, 3])
    expect(run()).toBe(false)
  })

  it('waits for a job that waits, and keeps its place before what comes meanwhile', async () => {
    const { work, seen, note, run } = mailbox()
    const gate = Promise.withResolvers<void>()
    work.post(undefined, () => gate.promise.then(note('a')))
    work.post(undefined, note('b'))
    const ran = run()
    work.post(undefined, note('c'))
    expect(seen).toEqual([])
    gate.resolve()
    expect(await ran).toBe(true)
    expect(seen).toEqual(['a', 'b', 'c'])
  })

  it('rings once for the first of many, and not for what is posted while it runs', () => {
    const { work, note, run, rung } = mailbox()
    work.post(undefined, () => work.post(undefined, note('b')))
    work.post(undefined, note('c'))
    void run()
    expect(rung()).toBe(1)
  })

  it('is not taken any more after the end', async () => {
    const { box, work, seen, note, run } = mailbox()
    work.settled(Promise.resolve(1), undefined, note('late'))
    work.after(1, undefined, note('timer'))
    work.post(undefined, note('posted'))
    box.close()
    await Promise.resolve()
    expect(run()).toBe(false)
    expect(seen).toEqual([])
  })
})

describe('promises', () => {
  it('bring their outcome in a turn, whether they are kept or broken', async () => {
    const { box, work, seen, run } = mailbox()
    const outcome = (result: PromiseSettledResult<string>) =>
      void seen.push(result.status === 'fulfilled' ? result.value : String(result.reason))
    work.settled(Promise.resolve('kept'), undefined, outcome)
    work.settled(Promise.reject(new Error('broken')), undefined, outcome)
    expect(box.outside).toBe(2)
    await box.arrival(1_000)
    expect(seen).toEqual([])
    void run()
    expect(seen).toEqual(['kept', 'Error: broken'])
    expect(box.outside).toBe(0)
  })

  it('bring nothing after they were cancelled', async () => {
    const { box, work, seen, note, run } = mailbox()
    work.settled(Promise.resolve(), undefined, note('never')).cancel()
    expect(box.outside).toBe(0)
    await Promise.resolve()
    void run()
    expect(seen).toEqual([])
  })
})

describe('timers', () => {
  it('are run when they are due, earliest first, unless cancelled', () => {
    const { box, work, clock, seen, note, run } = mailbox()
    work.after(30, undefined, note('c'))
    work.after(10, undefined, note('a'))
    work.after(10, undefined, note('b'))
    work.after(5, undefined, note('never')).cancel()
    expect(box.nextDueMs).toBe(1_010)
    expect(run()).toBe(false)
    clock.advance(10)
    void run()
    expect(seen).toEqual(['a', 'b'])
    clock.advance(100)
    void run()
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(box.nextDueMs).toBe(Number.POSITIVE_INFINITY)
  })
})

describe('what is unfinished', () => {
  it('is counted: held records, and mail that has not been run', () => {
    const { box, work, note, run } = mailbox()
    expect(box.isSettled).toBe(true)
    work.hold()
    expect(box.isSettled).toBe(false)
    work.release()
    work.post(undefined, note('a'))
    expect(box.isSettled).toBe(false)
    void run()
    expect(box.isSettled).toBe(true)
  })

  it('makes the task full while one processor is, however often it says so', () => {
    const { box } = mailbox()
    const [one, other] = [box.workOf(OWNER), box.workOf(OWNER)]
    one.full(true)
    one.full(true)
    other.full(true)
    one.full(false)
    expect(box.isFull).toBe(true)
    other.full(false)
    expect(box.isFull).toBe(false)
  })
})
