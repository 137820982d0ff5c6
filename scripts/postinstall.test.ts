import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const SCRIPT = fileURLToPath(new URL('postinstall.mjs', import.meta.url))

/** On a machine where no compiler is found. */
const run = (how: string) => {
  const env = { ...process.env, PATH: '/nowhere', BROOK_OPENZWAVE: how }
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT], { env, encoding: 'utf8' })
  return { status, out: stdout + stderr }
}

describe('postinstall', () => {
  test('is content without a compiler or the library, and says what is left out', () => {
    const { status, out } = run('')
    expect(status).toBe(0)
    expect(out).toMatch(
      /^brook: the Z-Wave driver OpenZWave is left out, zwave-js does without it: .*npm run openzwave\)\n$/,
    )
  })

  test('fails where the driver is required', () => {
    expect(run('required').status).toBe(1)
  })

  test('says nothing where it is not wanted', () => {
    expect(run('skip')).toEqual({ status: 0, out: '' })
  })
})
