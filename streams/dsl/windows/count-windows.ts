import { InvalidArgumentError } from '../../../common/errors.ts'

/**
 * Windows of so many records of a key: tumbling, or with `advanceBy` a new one every so many records (1: over the last n records, at
 * each). Records count in the order of their offsets; their times do not matter. Brook's own.
 * @see docs/adr/0018-count-windows.md
 */
export class CountWindows {
  readonly size: number
  readonly advance: number

  private constructor(size: number, advance: number) {
    this.size = size
    this.advance = advance
  }

  /** @throws {InvalidArgumentError} when the size is not a whole number from 1 to 2^31 - 1. */
  static ofCount(size: number): CountWindows {
    if (!Number.isInteger(size) || size < 1 || size > 0x7fffffff)
      throw new InvalidArgumentError(`a window of records holds 1 or more, a whole number, not ${size}`)
    return new CountWindows(size, size)
  }

  /**
   * A new window every `advance` records. A record is in `size / advance` windows at a time, and the row of a key holds as many aggregates:
   * it is read, changed and written whole.
   * @throws {InvalidArgumentError} when it is not a whole number from 1 to the size.
   */
  advanceBy(advance: number): CountWindows {
    if (!Number.isInteger(advance) || advance < 1 || advance > this.size)
      throw new InvalidArgumentError(
        `windows of ${this.size} records can advance by 1 to ${this.size}, not by ${advance}`,
      )
    return new CountWindows(this.size, advance)
  }
}
