import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { InternalError } from '../common/errors.ts'
import { EMPTY_STATE, type RegistryState } from './registry-state.ts'

const FILE = 'registry.json'

/** The state of the embedded registry in one file, replaced as a whole: after a crash it is the old one or the new one. */
export class RegistryFile {
  readonly #directory: string
  #state: RegistryState
  #last: Promise<unknown> = Promise.resolve()

  private constructor(directory: string, state: RegistryState) {
    this.#directory = directory
    this.#state = state
  }

  /** @throws {InternalError} when the file is there and cannot be read as such. */
  static async open(directory: string): Promise<RegistryFile> {
    await mkdir(directory, { recursive: true })
    return new RegistryFile(directory, await readState(join(directory, FILE)))
  }

  /** What is on disk. */
  get state(): RegistryState {
    return this.#state
  }

  /** Changes the state, one change after the other; resolves when it is on disk, with what `change` gave besides. */
  update<T>(change: (state: RegistryState) => { readonly state: RegistryState; readonly result: T }): Promise<T> {
    const done = this.#last.then(async () => {
      const { state, result } = change(this.#state)
      if (state !== this.#state) await this.#write(state)
      this.#state = state
      return result
    })
    this.#last = done.catch(() => {})
    return done
  }

  /** Waits for the changes that run. */
  async close(): Promise<void> {
    await this.#last
  }

  async #write(state: RegistryState): Promise<void> {
    const path = join(this.#directory, FILE)
    const file = await open(`${path}.new`, 'w')
    try {
      await file.writeFile(JSON.stringify(state))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(`${path}.new`, path)
    // Windows cannot open a directory, and keeps renames by itself.
    if (process.platform === 'win32') return
    const directory = await open(this.#directory, 'r')
    try {
      await directory.sync()
    } finally {
      await directory.close()
    }
  }
}

async function readState(path: string): Promise<RegistryState> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY_STATE
    throw error
  }
  try {
    const state = JSON.parse(text) as RegistryState
    if (!Number.isSafeInteger(state.nextId)) throw new Error('it has no nextId')
    return { ...EMPTY_STATE, ...state }
  } catch (cause) {
    throw new InternalError(`${path} is not the file of a schema registry: ${String(cause)}`, { cause })
  }
}
