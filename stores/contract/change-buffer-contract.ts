import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SerdeNotReadyError } from '../../common/errors.ts'
import { EMPTY_HEADERS } from '../../common/record.ts'
import { type Serde, serdes } from '../../common/serde.ts'
import type { BufferedContext } from '../buffers/buffer-value.ts'
import type { BufferedChange, ChangeBuffer } from '../buffers/change-buffer.ts'
import { changeBuffer } from '../buffers/change-buffer-builder.ts'
import { CorruptStateError, StoreClosedError } from '../errors.ts'
import type { RestoredRecord } from '../state-store.ts'
import { type ContractOptions, type ContractPlace, ContractStore } from './contract-support.ts'

type Opened = ContractStore<ChangeBuffer<string, string>>

/** What every buffer of updates has to do. @see TimeOrderedKeyValueBufferTest */
export function changeBufferContract(name: string, { place: newPlace }: Pick<ContractOptions, 'place'>): void {
  describe(name, () => {
    let place: ContractPlace
    const close: (() => Promise<void>)[] = []

    beforeEach(async () => {
      place = await newPlace()
    })
    afterEach(async () => {
      for (const each of close.splice(0)) await each()
      await place.remove()
    })

    async function open(
      options: { logging?: boolean; key?: Serde<string>; value?: Serde<string> } = {},
    ): Promise<Opened> {
      const { logging = true, key = serdes.string, value = serdes.string } = options
      const database = await place.open()
      close.push(() => database.close())
      return new ContractStore(
        changeBuffer('store', { key, value, logging, changelogConfigs: {}, countBytes: true }),
        database,
        {},
      )
    }
    const from = (offset: number, timestampMs = 0): BufferedContext => ({
      timestampMs,
      offset,
      topic: 'topic',
      partition: 0,
      headers: EMPTY_HEADERS,
    })
    const evicted = (
      store: ChangeBuffer<string, string>,
      while_ = (): boolean => true,
    ): BufferedChange<string, string>[] => {
      const list: BufferedChange<string, string>[] = []
      void store.evictWhile(while_, (change) => void list.push(change))
      return list
    }
    const keysOf = (changes: readonly BufferedChange<string, string>[]): string[] => changes.map(({ key }) => key)

    it('begins empty', async () => {
      const { store } = await open()
      expect(store).toMatchObject({ records: 0, sizeBytes: 0, minTimeMs: Number.POSITIVE_INFINITY, persistent: false })
      expect(evicted(store)).toEqual([])
      expect(store.priorValue('a')).toBeUndefined()
    })

    it('gives out what is in it, with where it came from, and has it no more', async () => {
      const { store } = await open()
      const headers = [{ key: 'h', value: Buffer.from('v') }]
      store.put(3, 'a', 'new', 'old', { ...from(7, 2), headers })
      expect(evicted(store)).toEqual([
        { key: 'a', newValue: 'new', priorValue: 'old', context: { ...from(7, 2), headers } },
      ])
      expect(store).toMatchObject({ records: 0, sizeBytes: 0, minTimeMs: Number.POSITIVE_INFINITY })
    })

    it('gives out for as long as it is told, the earliest first, then by key bytes', async () => {
      const { store } = await open()
      for (const [i, [key, timeMs]] of (
        [
          ['b', 2],
          ['é', 1],
          ['aa', 1],
          ['z', 0],
          ['a', 1],
          ['B', 1],
        ] as const
      ).entries())
        store.put(timeMs, key, key, null, from(i))
      expect(keysOf(evicted(store, () => store.records > 1))).toEqual(['z', 'B', 'a', 'aa', 'é'])
      expect(store.minTimeMs).toBe(2)
    })

    it('counts keys and bytes as Kafka Streams does', async () => {
      const { store } = await open()
      const at = { ...from(0), topic: '' }
      store.put(0, 'asdf', '23roni', null, at)
      expect(store).toMatchObject({ records: 1, sizeBytes: 8 + 4 + 6 + 20 })
      store.put(1, 'asdf', '3l', null, { ...at, topic: 'topic' })
      expect(store).toMatchObject({ records: 1, sizeBytes: 39 })
      store.put(0, 'zxcv', 'qfowin', null, { ...at, topic: 'topic' })
      expect(store).toMatchObject({ records: 2, sizeBytes: 82 })
      store.put(0, 'k', 'n', 'prior', { ...at, headers: [{ key: 'hk', value: Buffer.from('hvv') }] })
      expect(store.sizeBytes).toBe(82 + 8 + 1 + 1 + 5 + 20 + 5)
      store.put(0, 'k', 'n2', 'n', at)
      expect(store.sizeBytes).toBe(82 + 8 + 1 + 2 + 5 + 1 + 20)
    })

    it('keeps turn and prior value of a key whose update is replaced', async () => {
      const { store } = await open()
      store.put(1, 'a', '1', 'before', from(0))
      store.put(2, 'b', '1', null, from(1))
      store.put(5, 'a', '2', '1', from(2))
      store.put(0, 'b', '2', '1', from(3))
      expect(store.priorValue('a')).toEqual({ value: 'before' })
      expect(store.priorValue('b')).toEqual({ value: null })
      expect(evicted(store)).toEqual([
        { key: 'a', newValue: '2', priorValue: 'before', context: from(2) },
        { key: 'b', newValue: '2', priorValue: null, context: from(3) },
      ])
      expect(store.priorValue('a')).toBeUndefined()
    })

    it('has what it gives out until it was taken', async () => {
      const { store } = await open()
      store.put(1, 'zxcv', 'o23i4', null, from(0))
      store.put(0, 'asdf', '3ng', null, from(0))
      const seen: unknown[] = []
      void store.evictWhile(
        () => true,
        ({ key }) => void seen.push([key, store.records, store.sizeBytes, store.minTimeMs, store.priorValue(key)]),
      )
      expect(seen).toEqual([
        ['asdf', 2, 82, 0, { value: null }],
        ['zxcv', 1, 42, 1, { value: null }],
      ])
    })

    it('waits for whoever takes it, one after the other', async () => {
      const { store } = await open()
      for (const key of ['a', 'b', 'c']) store.put(0, key, key, null, from(0))
      const taken: string[] = []
      const done = store.evictWhile(
        () => true,
        async ({ key }) => {
          taken.push(`${key} begins`)
          await Promise.resolve()
          taken.push(`${key} ends, ${store.records} left`)
        },
      )
      expect(taken).toEqual(['a begins'])
      await done
      expect(taken.slice(1)).toEqual(['a ends, 3 left', 'b begins', 'b ends, 2 left', 'c begins', 'c ends, 1 left'])
      expect(store.records).toBe(0)
    })

    it('writes each changed key once per commit, and a tombstone for what went', async () => {
      const opened = await open()
      const { store, changelog } = opened
      store.put(2, 'asdf', '2093j', null, from(0, 9))
      store.put(1, 'zxcv', '3gon4i', null, from(1))
      store.put(1, 'zxcv', 'again', '3gon4i', from(2))
      store.put(0, 'deleteme', 'deadbeef', null, from(3))
      expect(keysOf(evicted(store, () => store.minTimeMs < 1))).toEqual(['deleteme'])
      expect(store.dirtyEntries).toBe(3)
      await opened.commit()
      expect(store.dirtyEntries).toBe(0)
      const context = '0000000000000009' + '0000000000000000' + '00000005' + '746f706963' + '00000000' + '00000000'
      expect(changelog.map(({ key, value }) => [key?.toString(), value?.toString('hex') ?? null])).toEqual([
        ['asdf', `${context}ffffffffffffffff00000005323039336a0000000000000002`],
        ['zxcv', expect.any(String)],
        ['deleteme', null],
      ])
      expect(changelog.map(({ headers }) => headers.map(({ key, value }) => [key, value?.[0]]))).toEqual([
        [['v', 3]],
        [['v', 3]],
        [],
      ])
      expect((await opened.commit()).records).toEqual([])
      expect(changelog).toHaveLength(3)
    })

    it('comes back from its changelog', async () => {
      const opened = await open()
      opened.store.put(5, 'b', 'b2', 'b1', from(0, 1))
      opened.store.put(4, 'gone', 'x', null, from(1))
      await opened.commit()
      opened.store.put(6, 'a', null, 'a1', from(2, 3))
      opened.store.put(9, 'b', 'b3', 'b2', { ...from(3, 4), headers: [{ key: 'h', value: null }] })
      expect(keysOf(evicted(opened.store, () => opened.store.minTimeMs < 5))).toEqual(['gone'])
      await opened.commit()
      const { sizeBytes } = opened.store
      const restored = await open()
      await restored.restore(opened.changelog)
      expect(restored.store).toMatchObject({ records: 2, sizeBytes, minTimeMs: 5, dirtyEntries: 0 })
      expect(await restored.store.priorValue('b')).toEqual({ value: 'b1' })
      expect(evicted(restored.store)).toEqual(evicted(opened.store))
    })

    it('goes back to what was committed', async () => {
      const opened = await open()
      const { store } = opened
      store.put(1, 'kept', '1', null, from(0))
      store.put(2, 'changed', '1', null, from(1))
      store.put(3, 'sent', '1', null, from(2))
      await opened.commit()
      const { sizeBytes } = store
      store.put(9, 'changed', 'longer', '1', from(3))
      expect(keysOf(evicted(store, () => store.minTimeMs < 2))).toEqual(['kept'])
      store.drain()
      store.put(0, 'new', '1', null, from(4))
      store.put(0, 'kept', '2', '1', from(5))
      evicted(store, () => store.records > 1)
      store.discard()
      expect(store).toMatchObject({ records: 3, sizeBytes, minTimeMs: 1, dirtyEntries: 0 })
      expect(evicted(store).map(({ key, newValue }) => [key, newValue])).toEqual([
        ['kept', '1'],
        ['changed', '1'],
        ['sent', '1'],
      ])
    })

    it('writes nothing without a changelog', async () => {
      const opened = await open({ logging: false })
      opened.store.put(0, 'a', '1', null, from(0))
      await opened.commit()
      expect(opened.changelog).toEqual([])
      expect(opened.store).toMatchObject({ records: 1, dirtyEntries: 0 })
    })

    it('waits for the schema of what was restored', async () => {
      const opened = await open()
      opened.store.put(0, 'a', '1', '0', from(0))
      await opened.commit()
      let makeReady = (): void => {}
      let ready = false
      const promise = new Promise<void>((resolve) => {
        makeReady = () => {
          ready = true
          resolve()
        }
      })
      const value: Serde<string> = {
        ...serdes.string,
        deserialize: (data, topic) => {
          if (!ready) throw new SerdeNotReadyError('no schema yet', promise)
          return serdes.string.deserialize(data, topic)
        },
      }
      const restored = await open({ value })
      await restored.restore(opened.changelog)
      const list: unknown[] = []
      const done = restored.store.evictWhile(
        () => true,
        (change) => void list.push(change.newValue, change.priorValue),
      )
      expect(done).toBeInstanceOf(Promise)
      makeReady()
      await done
      expect(list).toEqual(['1', '0'])
    })

    it('is not to be used when it is closed', async () => {
      const { store } = await open()
      store.put(0, 'a', '1', null, from(0))
      store.close()
      expect(store.records).toBe(0)
      expect(() => store.put(0, 'a', '1', null, from(0))).toThrow(StoreClosedError)
    })

    describe('reads the changelog of every release of Kafka Streams', () => {
      const record = (key: string, hex: string | null, version: number | undefined): RestoredRecord => ({
        key: Buffer.from(key),
        value: hex === null ? null : Buffer.from(hex, 'hex'),
        timestampMs: 99,
        headers: version === undefined || hex === null ? [] : [{ key: 'v', value: Buffer.from([version]) }],
      })
      const context = (offset: string): string => `${offset}000000000000000000000005746f70696300000000ffffffff`

      it.each([
        [
          '2.1, without a version',
          undefined,
          '0000000000000000ffffffff00000006646f6f6d6564',
          '0000000000000002ffffffff0000000471776572',
          '00000000000000010000000870726576696f757300000005336f34696d',
          '000000000000000100000005336f34696d000000046e657874',
        ],
        [
          '2.2, version 1',
          1,
          `0000000000000000${context('0000000000000000')}0000000effffffff00000006646f6f6d6564`,
          `0000000000000002${context('0000000000000001')}0000000cffffffff0000000471776572`,
          `0000000000000001${context('0000000000000002')}000000150000000870726576696f757300000005336f34696d`,
          `0000000000000001${context('0000000000000003')}0000001100000005336f34696d000000046e657874`,
        ],
        [
          '2.3, version 2',
          2,
          `${context('0000000000000000')}0000000effffffff00000006646f6f6d6564ffffffff0000000000000000`,
          `${context('0000000000000001')}0000000cffffffff0000000471776572ffffffff0000000000000002`,
          `${context('0000000000000002')}000000140000000749474e4f52454400000005336f34696d0000000870726576696f75730000000000000001`,
          `${context('0000000000000003')}0000001100000005336f34696d000000046e6578740000000870726576696f75730000000000000001`,
        ],
        ...[2, 3].map((version) => [
          version === 2 ? '2.4, which says version 2 of version 3' : '2.6 and later, version 3',
          version,
          `${context('0000000000000000')}ffffffffffffffff00000006646f6f6d65640000000000000000`,
          `${context('0000000000000001')}ffffffffffffffff00000004717765720000000000000002`,
          `${context('0000000000000002')}0000000870726576696f75730000000749474e4f52454400000005336f34696d0000000000000001`,
          `${context('0000000000000003')}0000000870726576696f757300000005336f34696d000000046e6578740000000000000001`,
        ]),
      ] as [string, number | undefined, string, string, string, string][])(
        '%s',
        async (_release, version, doomed, asdf, first, second) => {
          const { store } = await open()
          await store.restoredRows([
            record('todelete', doomed, version),
            record('asdf', asdf, version),
            record('zxcv', first, version),
            record('zxcv', second, version),
          ])
          expect(store).toMatchObject({ records: 3, minTimeMs: 0 })
          await store.restoredRows([record('todelete', null, version)])
          expect(store).toMatchObject({ records: 2, minTimeMs: 1 })
          expect(store.priorValue('asdf')).toEqual({ value: null })
          expect(store.priorValue('zxcv')).toEqual({ value: 'previous' })
          const changes = evicted(store)
          expect(changes.map(({ key, newValue, priorValue }) => [key, newValue, priorValue])).toEqual([
            ['zxcv', 'next', 'previous'],
            ['asdf', 'qwer', null],
          ])
          expect(changes.map((change) => change.context.timestampMs)).toEqual(version === undefined ? [99, 99] : [3, 1])
        },
      )

      it.each([
        ['an unknown version', 'ff', 255],
        ['nothing in it', '', 3],
        ['a time alone', '0000000000000001', 1],
        ['cut in the middle', `${context('0000000000000003')}0000000870`, 3],
        ['a negative size', `0000000000000001fffffff0`, undefined],
      ] as const)('but not %s', async (_what, hex, version) => {
        const { store } = await open()
        expect(() => store.restoredRows([record('k', hex, version)])).toThrow(CorruptStateError)
      })
    })
  })
}
