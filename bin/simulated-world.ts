import { readFile, writeFile } from 'node:fs/promises'
import { HouseModel } from '../connectors/simulation/house-model.ts'
import type { Device } from '../schemas/types.ts'

/** The house goes in steps of this length, so that the same seed gives the same day however often the program is started. */
const STEP_MS = 1_000
/** A world that is older begins anew: going through it again would take too long. */
const LONGEST_MS = 24 * 3_600_000

interface Beginning {
  readonly seed: number
  readonly startMs: number
}

/**
 * A simulated house whose time goes on while the program does not run: people are where they would have been, so that a restart
 * gives no news of its own.
 */
export class SimulatedWorld {
  readonly model: HouseModel
  #modelMs: number

  private constructor(devices: readonly Device[], { seed, startMs }: Beginning) {
    this.model = new HouseModel({ devices, startMs, seed })
    this.#modelMs = startMs
  }

  /** Takes up the world of the file, or begins one. Set the actuators before the first `advance`. */
  static async open(path: string, devices: readonly Device[]): Promise<SimulatedWorld> {
    const known = await readFile(path, 'utf8').then(readBeginning, () => undefined)
    const beginning = known ?? { seed: Date.now() % 1_000_000, startMs: Date.now() }
    if (known === undefined) await writeFile(path, JSON.stringify(beginning))
    return new SimulatedWorld(devices, beginning)
  }

  /** Lets time pass until now, in whole steps. */
  advance(nowMs: number): void {
    for (; this.#modelMs + STEP_MS <= nowMs; this.#modelMs += STEP_MS) this.model.step(STEP_MS)
  }
}

function readBeginning(text: string): Beginning | undefined {
  try {
    const { seed, startMs } = JSON.parse(text) as Partial<Beginning>
    const isUsable =
      typeof seed === 'number' &&
      typeof startMs === 'number' &&
      startMs <= Date.now() &&
      startMs > Date.now() - LONGEST_MS
    return isUsable ? { seed, startMs } : undefined
  } catch {
    return undefined
  }
}
