import type { OpenzwaveReport } from './openzwave-messages.ts'

type Send = (report: OpenzwaveReport, sent: () => void) => void

/** Reports on their way to the parent at a time; Node would keep any number in memory. */
const MAX_ON_THE_WAY = 500

/**
 * Reports in the order they come. While the parent is slow, of each value only the last report waits, so that a flood takes no
 * more memory than the network has values; how many were given up is told. Other reports are few and all wait.
 */
export class ReportQueue {
  readonly #send: Send
  readonly #max: number
  readonly #waiting = new Map<string, OpenzwaveReport>()
  #onTheWay = 0
  #dropped = 0
  #count = 0

  constructor(send: Send, max = MAX_ON_THE_WAY) {
    this.#send = send
    this.#max = max
  }

  get waiting(): number {
    return this.#waiting.size
  }

  put(report: OpenzwaveReport): void {
    if (this.#onTheWay < this.#max && this.#waiting.size === 0) {
      this.#go(report)
      return
    }
    const key = this.#keyOf(report)
    if (this.#waiting.delete(key)) this.#dropped++
    this.#waiting.set(key, report)
  }

  #keyOf(report: OpenzwaveReport): string {
    if (report.type === 'value') return `${report.nodeId}/${report.commandClass}/${report.index}`
    // One sign of life is as good as many.
    return report.type === 'alive' ? 'alive' : `#${this.#count++}`
  }

  #go(report: OpenzwaveReport): void {
    this.#onTheWay++
    this.#send(report, () => {
      this.#onTheWay--
      this.#next()
    })
  }

  #next(): void {
    for (const [key, report] of this.#waiting) {
      if (this.#onTheWay >= this.#max) return
      this.#waiting.delete(key)
      this.#go(report)
    }
    if (this.#dropped === 0) return
    const count = this.#dropped
    this.#dropped = 0
    this.#go({ type: 'dropped', count })
  }
}
