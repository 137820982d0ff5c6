import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { TopologyModuleError } from '../errors.ts'
import { handlersOf, loadTopology, moduleOf } from './topology-module.ts'

const PATH = join(import.meta.dirname, '../../test/threads/count-topology.ts')
const URL_ = new URL('../../test/threads/count-topology.ts', import.meta.url)
const settings = { input: 'words', output: 'counts' }

describe('a topology from a module', () => {
  test.each([
    ['a URL', URL_],
    ['the text of a URL', URL_.href],
    ['a path', PATH],
  ])('by %s is made by the export, with the settings', async (_, module) => {
    const topology = await loadTopology(module, { settings })
    expect(topology.describe().toString()).toContain('words')
    expect(moduleOf(topology)).toEqual({ href: URL_.href, exportName: 'default', settings })
    expect(handlersOf(topology)).toEqual({})
  })

  test('may come with handlers', async () => {
    const topology = await loadTopology(URL_, { export: 'lenientTopology', settings })
    expect(Object.keys(handlersOf(topology))).toEqual(['onProcessingError'])
  })

  test('has settings of its own: later changes reach no thread', async () => {
    const mine = { ...settings }
    const topology = await loadTopology(URL_, { settings: mine })
    mine.input = 'other'
    expect(moduleOf(topology)?.settings).toEqual(settings)
  })

  test.each([
    ['that is not there', `${URL_.href}.missing.ts`, {}, /missing\.ts cannot be imported: /],
    ['without the export', URL_, { export: 'nothing' }, /exports no function nothing; it has .*default/],
    ['whose export is no function', URL_, { export: 'notAFunction' }, /exports no function notAFunction/],
    ['that gives something else', URL_, { export: 'noTopology' }, /gave no topology: noTopology must give/],
    ['that fails', URL_, { export: 'failing' }, /failed to make the topology: the factory failed/],
    [
      'with settings that cannot be sent',
      URL_,
      { settings: { call: () => {} } },
      /cannot be sent to a thread: .*Send plain data/,
    ],
  ])('%s is refused', async (_, module, options, message) => {
    const loading = loadTopology(module, options)
    await expect(loading).rejects.toBeInstanceOf(TopologyModuleError)
    await expect(loading).rejects.toThrow(message)
  })
})
