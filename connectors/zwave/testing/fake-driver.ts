import { type ZwaveDriver, type ZwaveListener, ZwaveUnavailableError } from '../driver.ts'

/** A stick without radio: tests speak for its nodes and decide how setting a level ends. */
export class FakeDriver implements ZwaveDriver {
  readonly name = 'fake'
  readonly set: { nodeId: number; percent: number }[] = []
  /** What was asked of the stick itself. */
  readonly asked: string[] = []
  askError: Error | undefined
  listener: ZwaveListener | undefined
  closed = false
  openError: Error | undefined
  opening: Promise<void> = Promise.resolve()
  nodes: number[] = []
  /** How `setLevel` ends; the level that was asked for unless told otherwise. */
  answer: (nodeId: number, percent: number) => Promise<number> = (_, percent) => Promise.resolve(percent)

  async open(listener: ZwaveListener): Promise<void> {
    this.listener = listener
    await this.opening
    if (this.openError) throw this.openError
    if (this.closed) throw new ZwaveUnavailableError('closed while it was opened')
  }

  close(): Promise<void> {
    this.closed = true
    return Promise.resolve()
  }

  nodeIds(): readonly number[] {
    return this.nodes
  }

  setLevel(nodeId: number, percent: number): Promise<number> {
    this.set.push({ nodeId, percent })
    return this.answer(nodeId, percent)
  }

  beginInclusion(): Promise<void> {
    return this.#asked('include')
  }

  beginExclusion(): Promise<void> {
    return this.#asked('exclude')
  }

  stopInclusion(): Promise<void> {
    return this.#asked('stop')
  }

  async #asked(what: string): Promise<void> {
    this.asked.push(what)
    if (this.askError) throw this.askError
  }

  readLevel(): Promise<number> {
    return Promise.resolve(0)
  }
}
