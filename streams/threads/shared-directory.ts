import { StateDirectory } from '../runtime/client/state-directory.ts'

/** The state directory as a stream thread sees it that is one of several: locking and cleaning are the affairs of the main thread. */
export class SharedDirectory extends StateDirectory {
  readonly #onKept: (taskId: string, offsetSum: number) => void

  /** @param offsetSums as the process found them. */
  constructor(
    path: string,
    offsetSums: ReadonlyMap<string, number>,
    onKept: (taskId: string, offsetSum: number) => void,
  ) {
    super(path)
    this.#onKept = onKept
    for (const [taskId, offsetSum] of offsetSums) super.keepOffsetSum(taskId, offsetSum)
  }

  override async lock(): Promise<void> {}

  override async unlock(): Promise<void> {}

  override async readOffsets(): Promise<void> {}

  override async clean(): Promise<readonly string[]> {
    return []
  }

  override keepOffsetSum(taskId: string, offsetSum: number): void {
    super.keepOffsetSum(taskId, offsetSum)
    this.#onKept(taskId, offsetSum)
  }

  /** Another thread has closed the task, with its state so far. */
  keptElsewhere(taskId: string, offsetSum: number): void {
    super.keepOffsetSum(taskId, offsetSum)
  }
}
