import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureJavaAndMaven } from '../../scripts/servers/apt.ts'
import { KafkaCluster } from '../../scripts/servers/kafka-broker.ts'

/** A Kafka of three nodes with data of its own, which lets tests have sessions of less than 6 s; `stop` removes all of it. */
export async function startThreeBrokers(): Promise<{ cluster: KafkaCluster; stop: () => Promise<void> }> {
  await ensureJavaAndMaven((line) => console.log(`[servers] ${line}`))
  const directory = await mkdtemp(join(tmpdir(), 'brook-three-brokers-'))
  const remove = () => rm(directory, { recursive: true, force: true, maxRetries: 5 })
  try {
    const properties = { 'group.min.session.timeout.ms': '1000' }
    const cluster = await KafkaCluster.start({ directory, nodes: 3, maxHeapMb: 320, properties })
    const stop = async (): Promise<void> => {
      await cluster.kill()
      await remove()
    }
    return { cluster, stop }
  } catch (error) {
    await remove()
    throw error
  }
}
