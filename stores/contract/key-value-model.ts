import { expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import type { KeyValueEntry, KeyValueStore } from '../state-store.ts'
import type { KeyValueStoreBuilder } from '../store-builder.ts'
import type { TaskDatabase } from '../task-database.ts'
import { ContractStore, toArray } from './contract-support.ts'

/** Compares a store with a map over random commands. */
export function keyValueModelTest(
  place: () => {
    keepsState: boolean
    database: () => Promise<TaskDatabase>
    plan: KeyValueStoreBuilder<string, string>
  },
  cacheEntries: number,
): void {
  it('does what a map does, whatever is put, committed, discarded and opened again', async () => {
    const key = fc.constantFrom('', 'a', 'b', 'ab', 'a\0', 'a\0b', 'ü', 'z')
    const command = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          do: fc.constant('put' as const),
          key,
          value: fc.option(fc.string({ maxLength: 3 }), { freq: 2 }),
        }),
      },
      { weight: 4, arbitrary: fc.record({ do: fc.constant('get' as const), key }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('prefetch' as const), keys: fc.array(key, { maxLength: 4 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('range' as const),
          from: fc.option(key, { nil: undefined }),
          to: fc.option(key, { nil: undefined }),
          reverse: fc.boolean(),
          limit: fc.option(fc.nat(4), { nil: undefined }),
          committedOnly: fc.boolean(),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constant('prefix' as const),
          keyPrefix: key,
          reverse: fc.boolean(),
          limit: fc.option(fc.nat(4), { nil: undefined }),
          committedOnly: fc.boolean(),
        }),
      },
      {
        weight: 2,
        arbitrary: fc.record({
          do: fc.constantFrom(
            'commit' as const,
            'commit' as const,
            'commit' as const,
            'discard' as const,
            'reopen' as const,
            'failed commit' as const,
          ),
        }),
      },
    )
    const { keepsState, database, plan } = place()
    const open = async (): Promise<ContractStore<KeyValueStore<string, string>>> =>
      new ContractStore(plan, await database(), { cacheEntries })
    let opened = await open()
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 60, size: 'max' }), async (commands) => {
        for (const { key: k } of await toArray(opened.store.range(undefined, undefined))) opened.store.put(k, null, 0)
        await opened.commit()
        let committed = new Map<string, { value: string; timestampMs: number }>()
        let current = new Map(committed)
        for (const [timestampMs, step] of commands.entries()) {
          const { store } = opened
          if (step.do === 'put') {
            store.put(step.key, step.value, timestampMs)
            if (step.value === null) current.delete(step.key)
            else current.set(step.key, { value: step.value, timestampMs })
          } else if (step.do === 'get') {
            const entry = await store.getEntry(step.key)
            expect(entry && { value: entry.value, timestampMs: entry.timestampMs }).toEqual(current.get(step.key))
          } else if (step.do === 'prefetch') await store.prefetch(step.keys)
          else if (step.do === 'range') {
            const { from, to, reverse, limit, committedOnly } = step
            const rows = await toArray(
              store.range(from, to, { reverse, committedOnly, ...(limit === undefined ? {} : { limit }) }),
            )
            expect(rows).toEqual(modelRange(committedOnly ? committed : current, from, to, reverse, limit))
          } else if (step.do === 'prefix') {
            const { keyPrefix, reverse, limit, committedOnly } = step
            const options = { reverse, committedOnly, ...(limit === undefined ? {} : { limit }) }
            const rows = await store.prefixEntries(Buffer.from(keyPrefix), options)
            expect(rows).toEqual(modelPrefix(committedOnly ? committed : current, keyPrefix, reverse, limit))
          } else if (step.do === 'commit') {
            await opened.commit()
            committed = new Map(current)
          } else {
            if (step.do === 'failed commit') store.drain()
            if (step.do === 'reopen' && keepsState) {
              store.close()
              await opened.database.close()
              opened = await open()
            } else store.discard()
            current = new Map(committed)
          }
        }
        expect(await toArray(opened.store.range(undefined, undefined))).toEqual(
          modelRange(current, undefined, undefined, false, undefined),
        )
        expect(await opened.store.approximateEntries()).toBe(current.size)
      }),
      { numRuns: 60 },
    )
  })
}

function modelRange(
  model: ReadonlyMap<string, { value: string; timestampMs: number }>,
  from: string | undefined,
  to: string | undefined,
  reverse: boolean,
  limit: number | undefined,
): KeyValueEntry<string, string>[] {
  const rows = [...model]
    .map(([key, row]) => ({ key, ...row }))
    .sort((a, b) => Buffer.from(a.key).compare(Buffer.from(b.key)))
    .filter((row) => from === undefined || Buffer.from(row.key).compare(Buffer.from(from)) >= 0)
    .filter((row) => to === undefined || Buffer.from(row.key).compare(Buffer.from(to)) <= 0)
  if (reverse) rows.reverse()
  return rows.slice(0, limit)
}

function modelPrefix(
  model: ReadonlyMap<string, { value: string; timestampMs: number }>,
  keyPrefix: string,
  reverse: boolean,
  limit: number | undefined,
): KeyValueEntry<string, string>[] {
  const bytes = Buffer.from(keyPrefix)
  return modelRange(model, undefined, undefined, reverse, undefined)
    .filter((row) => Buffer.from(row.key).subarray(0, bytes.length).equals(bytes))
    .slice(0, limit)
}
