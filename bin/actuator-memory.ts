import { readFile, rename, writeFile } from 'node:fs/promises'
import type { Logger } from '../common/log.ts'

/** Levels of simulated actuators by `deviceId/kind`: a real lamp stays as it is when a program ends, so a simulated one does too. */
export class ActuatorMemory {
  readonly levels: Map<string, number>
  readonly #path: string
  readonly #log: Logger
  #saving: Promise<void> | undefined
  #dirty = false

  private constructor(path: string, levels: Map<string, number>, log: Logger) {
    this.#path = path
    this.levels = levels
    this.#log = log
  }

  /** A file that is missing or cannot be read is a house where nobody has touched anything. */
  static async open(path: string, log: Logger): Promise<ActuatorMemory> {
    try {
      return new ActuatorMemory(
        path,
        new Map(Object.entries(JSON.parse(await readFile(path, 'utf8')) as Record<string, number>)),
        log,
      )
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        log.warn({ path }, 'levels of simulated devices cannot be read: they begin anew')
      return new ActuatorMemory(path, new Map(), log)
    }
  }

  set(deviceId: string, kind: string, level: number): void {
    this.levels.set(`${deviceId}/${kind}`, level)
    this.#dirty = true
    this.#saving ??= this.#save()
  }

  /** Resolves when everything is in the file. */
  async settled(): Promise<void> {
    await this.#saving
  }

  async #save(): Promise<void> {
    while (this.#dirty) {
      this.#dirty = false
      try {
        await writeFile(`${this.#path}.new`, JSON.stringify(Object.fromEntries(this.levels)))
        await rename(`${this.#path}.new`, this.#path)
      } catch (error) {
        this.#log.warn({ err: error }, 'levels of simulated devices cannot be saved')
      }
    }
    this.#saving = undefined
  }
}
