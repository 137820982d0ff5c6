import { describe, it } from 'vitest'
import { fillForGood, fillUnderLoad } from './disk-full.ts'
import { smallDisk } from './small-disk.ts'

const say = (line: string): boolean => process.stderr.write(`${line}\n`)

describe('on a real broker under exactly once, a full disk under the state', () => {
  it('holds up its own tasks only, until there is room, and the output is right', { timeout: 240_000 }, async () => {
    const disk = await smallDisk()
    try {
      await fillUnderLoad({ disk, times: 1, fullMs: 4_000, recordsPerSecond: 1_000, say })
    } finally {
      await disk.remove()
    }
  })

  it('ends an instance that has lost its patience, and the next start makes the output right', {
    timeout: 240_000,
  }, async () => {
    const disk = await smallDisk()
    try {
      await fillForGood({ disk, recordsPerSecond: 1_000, say })
    } finally {
      await disk.remove()
    }
  })
})
