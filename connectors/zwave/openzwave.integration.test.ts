import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ensureOpenzwave } from '../../scripts/servers/openzwave/ensure.ts'
import { OpenzwaveDriver } from './openzwave-driver.ts'
import { roomNodes, SerialSimulator } from './serial-simulator.ts'
import { deafListener } from './testing/deaf-listener.ts'
import { QUICK, testStickContract } from './testing/stick-contract.ts'

describe('Z-Wave from the radio to the log by the native libopenzwave', { timeout: 30_000 }, () => {
  testStickContract({
    name: 'openzwave',
    prepare: () => ensureOpenzwave(),
    createDriver: (path, cacheDir) =>
      new OpenzwaveDriver({ path, cacheDir, answerTimeoutMs: 1000, hangsAfterMs: 2000, ...QUICK }),
  })
})

it('OpenZWave drives a stick that is shared over TCP, and leaves nothing behind', { timeout: 30_000 }, async () => {
  await ensureOpenzwave()
  const sim = new SerialSimulator({ nodes: roomNodes(1) })
  await sim.start()
  const cacheDir = await mkdtemp(join(tmpdir(), 'brook-openzwave-'))
  const driver = new OpenzwaveDriver({ path: sim.path, cacheDir })
  await driver.open(deafListener())
  expect(await driver.setLevel(3, 50)).toBe(50)
  expect(sim.level(3)).toBe(50)
  await driver.close()
  await expect.poll(() => sim.connected).toBe(false)
  await sim.stop()
  await rm(cacheDir, { recursive: true })
})
