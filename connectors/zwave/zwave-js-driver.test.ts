import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ZwaveUnavailableError } from './driver.ts'
import { roomNodes, SerialSimulator } from './serial-simulator.ts'
import { deafListener } from './testing/deaf-listener.ts'
import { ZwaveJsDriver } from './zwave-js-driver.ts'

const listener = deafListener()
const run = promisify(execFile)

/** What a network of nodes is like is tested in `zwave-stick.test.ts`; here is what happens without one. */
describe('the zwave-js driver', { timeout: 20_000 }, () => {
  const deaf = createServer((socket) => void socket.on('error', () => {}).resume())
  let cacheDir: string
  let deafPath: string

  beforeAll(async () => {
    cacheDir = await mkdtemp(join(tmpdir(), 'brook-zwave-'))
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve))
    const address = deaf.address()
    deafPath = `tcp://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  })

  afterAll(async () => {
    deaf.close()
    await rm(cacheDir, { recursive: true, force: true })
  })

  const driverAt = (path: string, openTimeoutMs = 10_000): ZwaveJsDriver =>
    new ZwaveJsDriver({ path, cacheDir, softReset: false, openTimeoutMs })

  it.each([
    ['a port where nobody listens', 'tcp://127.0.0.1:1'],
    ['a device that does not exist', '/dev/no-such-stick'],
  ])('says which stick is missing: %s', async (_, path) => {
    const opening = driverAt(path).open(listener)
    await expect(opening).rejects.toThrow(ZwaveUnavailableError)
    await expect(opening).rejects.toThrow(path)
  })

  it('gives up a stick that does not answer in time', async () => {
    await expect(driverAt(deafPath, 500).open(listener)).rejects.toThrow('does not answer within 500 ms')
  })

  it('stops opening when it is closed', async () => {
    const driver = driverAt(deafPath)
    const opening = driver.open(listener)
    const refused = expect(opening).rejects.toThrow('closed while it was opened')
    await new Promise((resolve) => setTimeout(resolve, 300))
    await driver.close()
    await refused
  })

  it('knows no nodes and sets none before it is open and after it is closed', async () => {
    const driver = driverAt(deafPath)
    expect(driver.nodeIds()).toEqual([])
    await expect(driver.setLevel(3, 50)).rejects.toThrow(ZwaveUnavailableError)
    await driver.close()
    await expect(driver.readLevel(3)).rejects.toThrow(ZwaveUnavailableError)
    await expect(driver.open(listener)).rejects.toThrow(ZwaveUnavailableError)
  })

  it('prints nothing and lets the process end by itself once it is closed', async () => {
    const sim = new SerialSimulator({ nodes: roomNodes(1) })
    await sim.start()
    const source = `
      import { ZwaveJsDriver } from ${JSON.stringify(new URL('./zwave-js-driver.ts', import.meta.url).href)}
      const driver = new ZwaveJsDriver(${JSON.stringify({ path: sim.path, cacheDir, softReset: false })})
      const ready = new Set()
      await new Promise((resolve, reject) => {
        const nodeState = (id, state) => state === 'ready' && ready.add(id).size === 2 && resolve()
        driver.open({ value() {}, nodeState, nodeInfo() {}, failure: reject }).catch(reject)
      })
      await driver.setLevel(3, 50)
      await driver.close()`
    try {
      const ended = await run(process.execPath, ['--input-type=module', '-e', source], { timeout: 15_000 })
      expect(ended).toEqual({ stdout: '', stderr: '' })
      expect(sim.level(3)).toBe(50)
    } finally {
      await sim.stop()
    }
  })
})
