import { describe, it } from 'vitest'
import { fillUnderLoad } from '../fault/disk-full.ts'
import { smallDisk } from '../fault/small-disk.ts'
import { soakLimitMs, soakMs } from '../support/soak.ts'

const FULL_MS = 10_000
/** Being full, going on, and sharing the tasks. */
const ROUND_MS = 20_000

describe('for long, a full disk under the state', () => {
  it('holds up its own tasks only, again and again, and the output is right', { timeout: soakLimitMs() }, async () => {
    const disk = await smallDisk()
    const say = (line: string): boolean => process.stderr.write(`${line}\n`)
    const times = Math.max(2, Math.round(soakMs() / ROUND_MS))
    try {
      await fillUnderLoad({ disk, times, fullMs: FULL_MS, recordsPerSecond: 500, say })
    } finally {
      await disk.remove()
    }
  })
})
