import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ZwaveUnavailableError } from './driver.ts'
import { OpenzwaveDriver, openzwaveProblem } from './openzwave-driver.ts'

/** What it does with a stick is in `openzwave.integration.test.ts`. */
describe('the OpenZWave driver', () => {
  let directory: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'brook-openzwave-'))
  })

  afterEach(() => rm(directory, { recursive: true }))

  it('says how to build it where it is not there', async () => {
    const from = pathToFileURL(join(directory, 'module.ts')).href
    expect(openzwaveProblem(from)).toMatch(/is not installed: install libopenzwave1\.6-dev and g\+\+, then run npm run/)
    const folder = join(directory, 'node_modules', 'openzwave-shared')
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'package.json'), '{"name":"openzwave-shared","version":"1.7.2"}')
    expect(openzwaveProblem(from)).toMatch(/has not been built: .*or set BROOK_ZWAVE_DRIVER=zwave-js/)
    await mkdir(join(folder, 'build', 'Release'), { recursive: true })
    await writeFile(join(folder, 'build', 'Release', 'openzwave_shared.node'), '')
    expect(openzwaveProblem(from)).toBeUndefined()
  })

  it('knows no nodes and sets none before it is open and after it is closed', async () => {
    const driver = new OpenzwaveDriver({ path: join(directory, 'tty'), cacheDir: directory })
    expect(driver.nodeIds()).toEqual([])
    await expect(driver.setLevel(3, 50)).rejects.toThrow(ZwaveUnavailableError)
    await expect(driver.beginInclusion()).rejects.toThrow(ZwaveUnavailableError)
    await driver.close()
    await expect(driver.readLevel(3)).rejects.toThrow(ZwaveUnavailableError)
  })
})
