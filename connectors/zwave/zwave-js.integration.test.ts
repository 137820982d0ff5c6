import { describe } from 'vitest'
import { ensureParts } from '../../scripts/servers/apt.ts'
import { QUICK, testStickContract } from './testing/stick-contract.ts'
import { ZwaveJsDriver } from './zwave-js-driver.ts'

describe('Z-Wave from the radio to the log by zwave-js', { timeout: 30_000 }, () => {
  testStickContract({
    name: 'zwave-js',
    prepare: () => ensureParts(['socat']),
    createDriver: (path, cacheDir) => new ZwaveJsDriver({ path, cacheDir, softReset: false, ...QUICK }),
  })
})
