import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PortWatch, watchPortReturn } from './port-watch.ts'

describe('the watch over a serial port', () => {
  let directory: string
  let port: string

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'brook-port-'))
    port = join(directory, 'tty')
    await writeFile(port, '')
  })

  afterEach(() => rm(directory, { recursive: true }))

  it('tells that the port is gone', async () => {
    const told: string[] = []
    const watch = new PortWatch(port, (error) => void told.push(error.message))
    await watch.start()
    await rm(port)
    await expect.poll(() => told, { timeout: 5000 }).toEqual([`${port} is gone`])
  })

  it('tells that another device has taken its place', async () => {
    const told: string[] = []
    const watch = new PortWatch(port, (error) => void told.push(error.message))
    await watch.start()
    await writeFile(`${port}.new`, '')
    await rm(port)
    await writeFile(join(directory, 'filler'), '')
    await writeFile(port, '')
    await expect.poll(() => told, { timeout: 5000 }).toHaveLength(1)
  })

  it('tells once when a port that was away is back, and nothing of one that was there', async () => {
    let back = 0
    const stop = watchPortReturn(port, () => void back++)
    await new Promise((resolve) => setTimeout(resolve, 400))
    expect(back).toBe(0)
    await rm(port)
    await new Promise((resolve) => setTimeout(resolve, 600))
    await writeFile(port, '')
    await expect.poll(() => back, { timeout: 5000 }).toBe(1)
    stop()
  })
})
