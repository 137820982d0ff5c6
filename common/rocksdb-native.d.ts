/** The part of rocksdb-native 3.18 that `rocksdb.ts` uses; the package ships no types. */
declare module 'rocksdb-native' {
  interface Range {
    readonly gt?: Buffer
    readonly gte?: Buffer
    readonly lt?: Buffer
    readonly lte?: Buffer
    readonly reverse?: boolean
    readonly limit?: number
  }
  interface ReadBatch {
    get(key: Buffer): Promise<Buffer | null>
    tryFlush(): void
  }
  interface WriteBatch {
    /** What `flush` hands over, and what makes room for that many: for as long as the binding has them under these names. */
    get _operations(): readonly { readonly type: number; readonly columnFamily: unknown }[] | undefined
    set _operations(operations: readonly object[])
    _resize?(): void
    tryPut(key: Buffer, value: Buffer): void
    tryDelete(key: Buffer): void
    tryDeleteRange(start: Buffer, end: Buffer): void
    flush(): Promise<void>
    destroy(): void
  }
  export default class RocksDB {
    constructor(path: string, options?: { maxBackgroundJobs?: number; readOnly?: boolean; createIfMissing?: boolean })
    ready(): Promise<void>
    read(options: { capacity: number; autoDestroy: boolean }): ReadBatch
    write(options: { capacity: number; autoDestroy: boolean }): WriteBatch
    snapshot(): RocksDB
    iterator(range: Range, options: { capacity: number }): AsyncIterable<{ key: Buffer; value: Buffer }>
    approximateSize(start: Buffer, end: Buffer): Promise<number>
    getProperty(name: string): Promise<string | undefined>
    flush(): Promise<void>
    close(options?: { force?: boolean }): Promise<void>
  }
}
