import { describe, expect, it } from 'vitest'
import { type ContractTarget, eventually, Harness, produce, sleep, texts } from './harness.ts'
import { GroupMember } from './member.ts'

/** Sockets and timers that keep the process alive, counted by kind. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = { TCPSocketWrap: 0, Timeout: 0, Immediate: 0 }
  for (const kind of process.getActiveResourcesInfo()) if (kind in counts) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

export function lifecycle(harness: () => Harness, open: () => Promise<ContractTarget>): void {
  describe('opening and closing', () => {
    it('says what it is and where', () => {
      const { provider } = harness()
      expect(['kafka', 'embedded']).toContain(provider.kind)
      expect(provider.description).not.toBe('')
    })

    it('answers a connect, and another one', async () => {
      await harness().provider.connect()
      await harness().provider.connect()
    })

    it('ends a poll that waits when the reader closes', async () => {
      const h = harness()
      const reader = await h.readerOf(await h.topic())
      await reader.poll(50)
      const polled = reader.poll(25_000).catch(() => [])
      await sleep(50)
      const start = Date.now()
      await reader.close()
      expect(await polled).toEqual([])
      expect(Date.now() - start).toBeLessThan(10_000)
    })

    it('sends what waits when a producer closes', async () => {
      const h = harness()
      const topic = await h.topic()
      const producer = h.producer({ lingerMs: 100 })
      const offsets: number[] = []
      for (const one of texts(3)) producer.send(topic, 0, one, (_, offset) => offsets.push(offset))
      await producer.close()
      expect(offsets).toEqual([0, 1, 2])
    })

    it('can close twice', async () => {
      const h = harness()
      const [producer, reader] = [h.producer(), h.reader()]
      await Promise.all([producer.close(), reader.close()])
      await Promise.all([producer.close(), reader.close()])
    })

    it('leaves neither socket nor timer behind when the provider closes', async () => {
      const before = resources()
      const target = await open()
      const h = new Harness(target)
      const topic = await h.topic(2)
      const producer = h.producer()
      await produce(producer, topic, undefined, texts(10))
      const reader = await h.readerOf(topic, 2)
      await reader.poll(1_000)
      const transactional = await h.transactional(h.name('tx'))
      transactional.beginTransaction()
      await produce(transactional, topic, 0, texts(1))
      const member = new GroupMember(h, { groupId: h.name('group'), topics: [topic] }).start()
      await eventually(() => expect(member.owned).toHaveLength(2))
      await member.stop()
      await target.provider.close()
      await target.close()
      await eventually(() => {
        const after = resources()
        for (const kind of Object.keys(before)) expect([kind, after[kind]! <= before[kind]!]).toEqual([kind, true])
      }, 10_000)
    })
  })
}
