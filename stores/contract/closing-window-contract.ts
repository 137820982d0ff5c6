import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { serdes } from '../../common/serde.ts'
import { CorruptStateError } from '../errors.ts'
import type { ClosingWindowStore, WindowEntry } from '../state-store.ts'
import type { StoreBuilder } from '../store-builder.ts'
import { Stores } from '../stores.ts'
import type { TaskDatabase } from '../task-database.ts'
import { type ContractOptions, type ContractPlace, ContractStore } from './contract-support.ts'

type Store = ClosingWindowStore<string, string>
type Open = ContractStore<Store>
type Seen = readonly [windowStartMs: number, key: string, value: string]

const MINUTE = 60_000
/** Keys with zero bytes, and keys that begin others: their order is that of their bytes. */
const KEYS = ['a', 'aa', 'b', '', 'a\u0000', 'a\u0000b', 'é', 'z', 'zz', 'Z']

/** What a window store that is read by time has to do. `stepMs`: all windows start at multiples of it, which decides on the layout of its rows. */
export function closingWindowStoreContract(
  name: string,
  { place: newPlace, cacheEntries }: ContractOptions,
  stepMs: number,
): void {
  const sizes = { windowSize: MINUTE, retention: 4 * MINUTE }
  const types = { key: serdes.string, value: serdes.string }
  const plan = Stores.windowStore('w', {
    ...types,
    ...sizes,
    timeOrdered: { step: stepMs },
  }) as unknown as StoreBuilder<Store>

  describe(name, () => {
    let place: ContractPlace
    let databases: TaskDatabase[]
    beforeEach(async () => {
      place = await newPlace()
      databases = []
    })
    afterEach(async () => {
      for (const database of databases) await database.close()
      await place.remove()
    })

    const openOn = (database: TaskDatabase): Open => new ContractStore(plan, database, { cacheEntries })
    async function open(): Promise<Open> {
      const database = await place.open()
      databases.push(database)
      return openOn(database)
    }
    async function visited(store: Store, fromMs: number, toMs: number): Promise<Seen[]> {
      const seen: Seen[] = []
      await store.visitInOrder(fromMs, toMs, ({ key, windowStartMs, value }) => {
        seen.push([windowStartMs, key, value])
      })
      return seen
    }
    const inOrder = (seen: readonly Seen[]): Seen[] =>
      seen.toSorted((a, b) => a[0] - b[0] || Buffer.from(a[1]).compare(Buffer.from(b[1])))
    const put = (store: Store, [startMs, key, value]: readonly [number, string, string | null]): boolean =>
      store.put(key, value, startMs, startMs + 1)

    it('hands windows over by start, then key bytes, whether committed or not', async () => {
      const opened = await open()
      const { store } = opened
      const rows: Seen[] = [0, 2, 1, 3].flatMap((n): Seen[] => KEYS.map((key) => [n * stepMs, key, `${key}@${n}`]))
      for (const [i, row] of rows.entries()) {
        put(store, row)
        if (i === 19) await opened.commit()
      }
      expect(await visited(store, 0, 3 * stepMs)).toEqual(inOrder(rows))
      expect(await visited(store, stepMs, 2 * stepMs)).toEqual(
        inOrder(rows.filter(([startMs]) => startMs >= stepMs && startMs <= 2 * stepMs)),
      )
      expect(await visited(store, 4 * stepMs, 9 * stepMs)).toEqual([])
    })

    it('shows changes over what is committed, and no row that is gone', async () => {
      const opened = await open()
      const { store } = opened
      for (const key of ['a', 'b', 'c']) put(store, [0, key, 'one'])
      await opened.commit()
      put(store, [0, 'b', 'two'])
      put(store, [0, 'c', null])
      put(store, [0, 'd', 'new'])
      const expected = [
        [0, 'a', 'one'],
        [0, 'b', 'two'],
        [0, 'd', 'new'],
      ]
      expect(await visited(store, 0, 0)).toEqual(expected)
      await opened.commit()
      expect(await visited(store, 0, 0)).toEqual(expected)
      put(store, [0, 'a', null])
      await opened.commit()
      expect(await visited(store, 0, 0)).toEqual(expected.slice(1))
    })

    it('waits for a visit that waits, one after the other', async () => {
      const opened = await open()
      for (const key of ['a', 'b', 'c']) put(opened.store, [0, key, key])
      await opened.commit()
      put(opened.store, [stepMs, 'a', 'later'])
      let running = 0
      const seen: string[] = []
      await opened.store.visitInOrder(0, stepMs, async ({ value }) => {
        expect(++running).toBe(1)
        await new Promise((resolve) => setTimeout(resolve, 1))
        seen.push(value)
        running--
      })
      expect(seen).toEqual(['a', 'b', 'c', 'later'])
    })

    it('stops at the first visit that fails', async () => {
      const opened = await open()
      for (const key of ['a', 'b']) put(opened.store, [0, key, key])
      await opened.commit()
      const seen: string[] = []
      const visiting = async (): Promise<void> =>
        opened.store.visitInOrder(0, 0, ({ key }) => {
          seen.push(key)
          throw new Error('no further')
        })
      await expect(visiting()).rejects.toThrow('no further')
      expect(seen).toEqual(['a'])
    })

    it('keeps windows past retention until they are released, and lets them go then', async () => {
      const opened = await open()
      const { store } = opened
      const farMs = Math.ceil((1_000 * MINUTE) / stepMs) * stepMs
      put(store, [0, 'a', 'old'])
      await opened.commit()
      put(store, [farMs, 'a', 'far'])
      expect((await opened.commit()).expired).toEqual([])
      expect(await store.get('a', 0)).toBeUndefined()
      expect(await visited(store, 0, farMs)).toEqual([
        [0, 'a', 'old'],
        [farMs, 'a', 'far'],
      ])
      store.release(stepMs * 2)
      put(store, [farMs, 'b', 'more'])
      if (stepMs > 1) expect((await opened.commit()).expired).not.toEqual([])
      store.release(farMs)
      put(store, [farMs, 'c', 'more'])
      await opened.commit()
      expect(await visited(store, 0, farMs - 1)).toEqual([])
      expect((await visited(store, 0, farMs)).map(([, key]) => key)).toEqual(['a', 'b', 'c'])
      const left: Buffer[] = []
      for await (const [rowKey] of opened.database.scan({ gte: Buffer.from([0, 1]) })) left.push(rowKey)
      expect(left).toHaveLength(stepMs > 1 ? 3 : 6)
    })

    it('drops a put past retention, released or not', async () => {
      const { store } = await open()
      put(store, [Math.ceil((10 * MINUTE) / stepMs) * stepMs, 'a', 'x'])
      expect(put(store, [0, 'a', 'x'])).toBe(false)
      expect(await visited(store, 0, 0)).toEqual([])
    })

    it('is built again from its changelog, rows past retention included', async () => {
      const opened = await open()
      const { store } = opened
      const farMs = Math.ceil((100 * MINUTE) / stepMs) * stepMs
      for (const key of KEYS) put(store, [0, key, key])
      put(store, [farMs, 'a', 'far'])
      await opened.commit()
      put(store, [farMs, 'b', null])
      await opened.commit()
      const before = await visited(store, 0, farMs)
      expect(before).toHaveLength(KEYS.length + 1)
      const otherPlace = await newPlace()
      const other = await otherPlace.open()
      try {
        const restored = openOn(other)
        await restored.restore(opened.changelog)
        expect(await visited(restored.store, 0, farMs)).toEqual(before)
      } finally {
        await other.close()
        await otherPlace.remove()
      }
    })

    it('writes the changelog of any window store', async () => {
      const opened = await open()
      const plain = new ContractStore(
        Stores.windowStore('w', { ...types, ...sizes }),
        await (await newPlace()).open(),
        {},
      )
      databases.push(plain.database)
      for (const { store, commit } of [opened, plain].map((o) => ({ store: o.store, commit: () => o.commit() }))) {
        for (const key of KEYS) store.put(key, key, 3 * stepMs, 7)
        await commit()
        store.put('a', null, 3 * stepMs, 8)
        store.put('b', 'other', 0, 9)
        await commit()
      }
      expect(opened.changelog).toEqual(plain.changelog)
    })

    it('refuses rows that stand in another layout', async () => {
      const opened = await open()
      put(opened.store, [0, 'a', 'x'])
      await opened.commit()
      const build = (options: {
        readonly retention?: number
        readonly timeOrdered?: { readonly step: number }
      }): unknown =>
        Stores.windowStore('w', { ...types, ...sizes, ...options }).build({
          database: opened.database,
          changelogTopic: 'w',
        })
      expect(() => build({})).toThrow(CorruptStateError)
      expect(() => build({ timeOrdered: { step: stepMs === 1 ? 5_000 : 1 } })).toThrow(CorruptStateError)
      expect(() => build({ retention: 9 * MINUTE })).toThrow(CorruptStateError)
      expect(() => build({ timeOrdered: { step: stepMs } })).not.toThrow()
    })

    it('forgets what a failed commit had', async () => {
      const opened = await open()
      put(opened.store, [0, 'a', 'kept'])
      await opened.commit()
      put(opened.store, [0, 'a', 'lost'])
      put(opened.store, [0, 'b', 'lost'])
      opened.store.drain()
      opened.store.discard()
      expect(await visited(opened.store, 0, stepMs)).toEqual([[0, 'a', 'kept']])
    })

    // All its windows start within one retention.
    it('agrees with a model, whatever is put, committed and reopened', async () => {
      let opened = await open()
      const model = new Map<string, readonly [number, string, string]>()
      let seed = 7
      const random = (below: number): number => {
        seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
        return (seed >>> 8) % below
      }
      for (let i = 0; i < 600; i++) {
        const startMs = random(40) * stepMs
        const key = KEYS[random(KEYS.length)] as string
        const value = random(6) === 0 ? null : `v${i}`
        if (!put(opened.store, [startMs, key, value])) continue
        if (value === null) model.delete(`${startMs} ${key}`)
        else model.set(`${startMs} ${key}`, [startMs, key, value])
        if (random(9) === 0) await opened.commit()
        if (random(60) === 0 && place.keepsState) {
          await opened.commit()
          opened.store.close()
          await opened.database.close()
          opened = await open()
        }
        if (random(5) > 0) continue
        const fromMs = random(40) * stepMs - random(2)
        const toMs = fromMs + random(15) * stepMs
        const expected = [...model.values()].filter(([at]) => at >= Math.max(0, fromMs) && at <= toMs)
        expect(await visited(opened.store, Math.max(0, fromMs), toMs), `step ${i}`).toEqual(inOrder(expected))
        const ofKey: WindowEntry<string, string>[] = [...(await opened.store.fetch(key, fromMs, toMs))]
        const visible = inOrder(expected.filter((seen) => seen[1] === key))
        expect(ofKey.map((entry) => [entry.windowStartMs, entry.key, entry.value])).toEqual(visible)
      }
    })
  })
}
