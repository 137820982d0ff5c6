import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('a reader that has read enough of what it says, such as head, makes no error', async () => {
  const program = spawn(process.execPath, [join(import.meta.dirname, 'brook.ts'), '--help'])
  program.stdout.destroy()
  let said = ''
  program.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  await once(program, 'close')
  expect(said).toBe('')
}, 20_000)
