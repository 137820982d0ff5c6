import { describe, expect, it } from 'vitest'
import type { DatabaseWrite } from '../../common/rocksdb.ts'
import { EmbeddedLogFailedError } from './errors.ts'
import type { LogStore } from './log-store.ts'
import { LogWriter } from './writer.ts'

/** A store that shows each write and ends it when told. */
class SlowStore implements LogStore {
  readonly writes: string[] = []
  #end: ((error?: Error) => void) | undefined

  write({ puts, rangeDeletes = [] }: DatabaseWrite): Promise<void> {
    this.writes.push(
      [...rangeDeletes.map(([from, to]) => `-${from}..${to}`), ...puts.map(([key]) => String(key))].join(' '),
    )
    return new Promise((resolve, reject) => {
      this.#end = (error) => (error ? reject(error) : resolve())
    })
  }

  async end(error?: Error): Promise<void> {
    this.#end?.(error)
    await new Promise((resolve) => setImmediate(resolve))
  }

  async *scan(): AsyncGenerator<never> {}
  async close(): Promise<void> {}
}

const put = (name: string) => [[Buffer.from(name), Buffer.from('v')]] as const
const range = (from: string, to: string) => [[Buffer.from(from), Buffer.from(to)]] as const
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('the writer', () => {
  it('puts everything of one turn into one write, and what comes meanwhile into the next', async () => {
    const store = new SlowStore()
    const writer = new LogWriter(store, 'here')
    const done: string[] = []
    const write = (name: string) => void writer.write(put(name)).then(() => done.push(name))
    write('a')
    write('b')
    await turn()
    write('c')
    write('d')
    await turn()
    expect([store.writes, done]).toEqual([['a b'], []])
    await store.end()
    expect([store.writes, done]).toEqual([
      ['a b', 'c d'],
      ['a', 'b'],
    ])
    await store.end()
    await writer.idle()
    expect(done).toEqual(['a', 'b', 'c', 'd'])
  })

  it('does not let a range deletion overtake what was put before it', async () => {
    const store = new SlowStore()
    const writer = new LogWriter(store, 'here')
    void writer.write(put('a'))
    void writer.write(put('z'), range('a', 'b'))
    void writer.write(put('a'))
    await turn()
    await store.end()
    await store.end()
    expect(store.writes).toEqual(['a', '-a..b z a'])
  })

  it('splits what is too much for one write', async () => {
    const store = new SlowStore()
    const writer = new LogWriter(store, 'here')
    for (const name of ['a', 'b', 'c']) writer.enqueue({ puts: put(name), sizeBytes: 6 * 1024 * 1024 })
    await turn()
    await store.end()
    await store.end()
    expect(store.writes).toEqual(['a b', 'c'])
  })

  it('writes nothing after a write has failed, and says why', async () => {
    const store = new SlowStore()
    const writer = new LogWriter(store, 'in /data')
    const failed = [writer.write(put('a'))]
    await turn()
    failed.push(writer.write(put('b')))
    const results = Promise.allSettled(failed)
    await store.end(new Error('no space left'))
    for (const one of await results) {
      expect(one).toMatchObject({ status: 'rejected', reason: expect.any(EmbeddedLogFailedError) })
    }
    await expect(writer.write(put('c'))).rejects.toThrow(/in \/data.*no space left/)
    expect(store.writes).toEqual(['a'])
  })
})
