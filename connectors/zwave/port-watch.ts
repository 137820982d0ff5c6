import { stat } from 'node:fs/promises'

const EVERY_MS = 250

/** Which device stands behind a path; another one after the stick was pulled and put back. */
async function identity(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && `${found.dev}:${found.ino}:${found.rdev}`
}

export async function portIsThere(path: string): Promise<boolean> {
  return (await identity(path)) !== undefined
}

/** Notices that the device behind a path is gone or another one: a native library that reads from the old one does not tell. */
export class PortWatch {
  readonly #path: string
  readonly #onGone: (error: Error) => void
  #timer: NodeJS.Timeout | undefined
  #first: string | undefined

  constructor(path: string, onGone: (error: Error) => void) {
    this.#path = path
    this.#onGone = onGone
  }

  async start(): Promise<void> {
    this.#first = await identity(this.#path)
    this.#timer = setTimeout(() => void this.#look(), EVERY_MS)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  async #look(): Promise<void> {
    const now = await identity(this.#path)
    if (this.#timer === undefined) return
    if (now === this.#first) this.#timer = setTimeout(() => void this.#look(), EVERY_MS)
    else this.#onGone(new Error(now === undefined ? `${this.#path} is gone` : `${this.#path} is another device now`))
  }
}

/** Tells once when a port that is away is there again; one that is there all the time tells nothing. The answer stops looking. */
export function watchPortReturn(path: string, back: () => void): () => void {
  let timer: NodeJS.Timeout | undefined
  let isStopped = false
  let wasAway = false
  const look = async (): Promise<void> => {
    const isThere = await portIsThere(path)
    if (isStopped) return
    if (isThere && wasAway) {
      isStopped = true
      back()
      return
    }
    wasAway = !isThere
    timer = setTimeout(() => void look(), EVERY_MS)
  }
  void look()
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}
