import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { takeInstance } from './instance.ts'

let dataDir: string
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'brook-instance-'))
})
afterEach(() => rm(dataDir, { recursive: true, force: true }))

const HOLDER = `
import { takeInstance } from ${JSON.stringify(join(import.meta.dirname, 'instance.ts'))}
const { number } = await takeInstance(process.argv[1])
process.stdout.write(String(number))
setInterval(() => {}, 1000)
`

function holder() {
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', HOLDER, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const number = new Promise<number>((resolve) => child.stdout.once('data', (data) => resolve(Number(data))))
  const kill = (): Promise<void> =>
    new Promise((resolve) => {
      child.once('exit', () => resolve())
      child.kill('SIGKILL')
    })
  return { number, kill }
}

it('gives each process the first place that is free, and the place of one that was killed to the next', async () => {
  const first = holder()
  expect(await first.number).toBe(1)
  const second = holder()
  expect(await second.number).toBe(2)
  await first.kill()
  const mine = await takeInstance(dataDir)
  expect(mine.number).toBe(1)
  await mine.release()
  const again = await takeInstance(dataDir)
  expect(again.number).toBe(1)
  await again.release()
  await second.kill()
})
