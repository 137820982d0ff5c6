import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { kafkaProviderContract } from './contract.ts'
import { createEmbeddedProvider } from './embedded.ts'

kafkaProviderContract('the embedded provider in memory', async () => {
  const provider = createEmbeddedProvider({ directory: undefined })
  return { provider, unique: 'memory', sessionTimeoutMs: 500, quietMs: 50, close: () => provider.close() }
})

kafkaProviderContract('the embedded provider on disk', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'brook-embedded-'))
  const provider = createEmbeddedProvider({ directory })
  return {
    provider,
    unique: 'disk',
    sessionTimeoutMs: 500,
    quietMs: 50,
    async close() {
      await provider.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
})
