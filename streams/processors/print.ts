import { appendFileSync, closeSync, openSync } from 'node:fs'
import { TopologyError } from '../errors.ts'
import type { StreamRecord } from '../record.ts'
import type { Processor, ProcessorContext } from './processor.ts'

/** A line longer than this is written at once; shorter ones wait for the commit. */
const BUFFERED_CHARACTERS = 64 * 1024

/** Writes a line per record, to the standard output at once, or to a file with each commit. @see KStreamPrint, PrintForeachAction */
export class Print<K, V> implements Processor<K, V> {
  readonly #line: (value: V, key: K) => string
  readonly #file: string | undefined
  #waiting = ''

  constructor(line: (value: V, key: K) => string, file: string | undefined) {
    this.#line = line
    this.#file = file
  }

  init(context: ProcessorContext): void {
    if (this.#file !== undefined) context.onCommit(() => this.#flush())
  }

  process({ value, key }: StreamRecord<K, V>): void {
    const line = `${this.#line(value, key)}\n`
    if (this.#file === undefined) {
      process.stdout.write(line)
      return
    }
    this.#waiting += line
    if (this.#waiting.length > BUFFERED_CHARACTERS) this.#flush()
  }

  close(): void {
    this.#flush()
  }

  #flush(): void {
    if (this.#file === undefined || this.#waiting === '') return
    appendFileSync(this.#file, this.#waiting)
    this.#waiting = ''
  }
}

/** `[label]: key, value`, or what the user makes of key and value. */
export function printedLine<K, V>(
  label: string,
  line: ((value: V, key: K) => string) | undefined,
): (value: V, key: K) => string {
  return (value, key) => `[${label}]: ${line === undefined ? `${text(key)}, ${text(value)}` : line(value, key)}`
}

/** Makes the file if it is not there. @throws {TopologyError} when nothing can be written to it. */
export function requireWritable(file: string, nodeName: string): void {
  try {
    closeSync(openSync(file, 'a'))
  } catch (cause) {
    throw new TopologyError(`${nodeName} cannot print to ${JSON.stringify(file)}: ${(cause as Error).message}`, {
      nodes: [nodeName],
    })
  }
}

function text(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}
