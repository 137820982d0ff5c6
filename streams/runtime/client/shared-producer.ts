import type { Producer } from '../../../kafka/port.ts'

/** The producer that tasks share under at-least-once; one that is done for is replaced, and closed at the end. */
export class SharedProducer {
  readonly #create: () => Producer
  #made: Producer[] = []

  constructor(create: () => Producer) {
    this.#create = create
    this.#made.push(create())
  }

  get current(): Producer {
    return this.#made.at(-1) as Producer
  }

  /** Makes a new one for tasks to come, when nobody uses the ones before any more. */
  renew(): void {
    const before = this.#made
    this.#made = [this.#create()]
    for (const producer of before) producer.close().catch(() => {})
  }

  /** Makes a new one, unless that has been done since `broken` was current. */
  replace(broken: Producer): void {
    if (broken === this.current) this.#made.push(this.#create())
  }

  async close(): Promise<void> {
    await Promise.all(this.#made.map((producer) => producer.close()))
  }
}
