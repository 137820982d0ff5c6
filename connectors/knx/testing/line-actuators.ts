import type { GroupPayload } from '../dpt.ts'
import { KnxLink } from '../knx-link.ts'

/** Devices on the bus of a real knxd, by a tunnel of their own: each shows on its status address what it was written to. */
export class LineActuators {
  /** By write address. */
  readonly #statusOf: ReadonlyMap<number, number>
  readonly #shown = new Map<number, GroupPayload>()
  readonly #link: KnxLink
  /** What was written, in order. */
  readonly written: (readonly [address: number, payload: GroupPayload])[] = []
  /** Write addresses whose devices do not do what they are told. */
  readonly stuck = new Set<number>()

  constructor(port: number, statusOf: ReadonlyMap<number, number>, shown: ReadonlyMap<number, GroupPayload>) {
    this.#statusOf = statusOf
    for (const [address, payload] of shown) this.#shown.set(address, payload)
    this.#link = new KnxLink(
      {
        host: '127.0.0.1',
        port,
        telegramsPerSecond: 50,
        connectTimeoutMs: 500,
        heartbeatMs: 200,
        heartbeatAnswerMs: 100,
        backoff: { baseMs: 100, capMs: 100 },
      },
      {
        onTelegram: ({ service, destination, payload }) => {
          if (service === 'GroupValue_Write') this.#onWrite(destination, payload)
          const answer = this.#shown.get(destination)
          if (service === 'GroupValue_Read' && answer) this.#link.respond(destination, answer).catch(() => {})
        },
      },
    )
  }

  get up(): boolean {
    return this.#link.up
  }

  open(): Promise<void> {
    return this.#link.open()
  }

  /** Shows another value and says so, as when somebody is at the device. */
  show(statusAddress: number, payload: GroupPayload): void {
    this.#shown.set(statusAddress, payload)
    this.#link.write(statusAddress, payload).catch(() => {})
  }

  close(): Promise<void> {
    return this.#link.close()
  }

  #onWrite(address: number, payload: GroupPayload): void {
    const status = this.#statusOf.get(address)
    if (status === undefined && this.#shown.has(address)) return
    this.written.push([address, payload])
    if (status !== undefined && !this.stuck.has(address)) this.show(status, payload)
  }
}
