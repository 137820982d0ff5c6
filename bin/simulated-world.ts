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

export interface WorldOptions extends Beginning {
  /** How many people walk about (default: one for every two rooms). */
  readonly people?: number
  /** How fast time passes in the house: 10 = ten times as fast as outside (default 1). */
  readonly speed?: number
  /** The moment outside at which the time of the house is `startMs` (default: that same moment). */
  readonly beginsAtMs?: number
}

/**
 * A simulated house whose time goes on while the program does not run: people are where they would have been, so that a restart
 * gives no news of its own.
 */
export class SimulatedWorld {
  readonly model: HouseModel
  readonly #startMs: number
  readonly #beginsAtMs: number
  readonly #speed: number
  #modelMs: number

  private constructor(devices: readonly Device[], options: WorldOptions) {
    const { seed, startMs, people, speed = 1, beginsAtMs = startMs } = options
    this.model = new HouseModel({ devices, startMs, seed, ...(people === undefined ? {} : { people }) })
    this.#startMs = startMs
    this.#modelMs = startMs
    this.#beginsAtMs = beginsAtMs
    this.#speed = speed
  }

  /** A world that begins now, whatever was before: the same options and the same commands give the same day. */
  static begin(devices: readonly Device[], options: WorldOptions): SimulatedWorld {
    return new SimulatedWorld(devices, options)
  }

  /** Takes up the world of the file, or begins one. Set the actuators before the first `advance`. */
  static async open(path: string, devices: readonly Device[]): Promise<SimulatedWorld> {
    const known = await readFile(path, 'utf8').then(readBeginning, () => undefined)
    const beginning = known ?? { seed: Date.now() % 1_000_000, startMs: Date.now() }
    if (known === undefined) await writeFile(path, JSON.stringify(beginning))
    return new SimulatedWorld(devices, beginning)
  }

  /** Lets time pass until it is `nowMs` outside, in whole steps. */
  advance(nowMs: number): void {
    const untilMs = this.#startMs + (nowMs - this.#beginsAtMs) * this.#speed
    for (; this.#modelMs + STEP_MS <= untilMs; this.#modelMs += STEP_MS) this.model.step(STEP_MS)
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
