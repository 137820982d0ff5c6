import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** State belongs to the log that it was made from: each log has a place of its own in an instance's directory. */
export function stateDirectory(instanceDirectory: string, brokers: readonly string[] | undefined): string {
  if (brokers === undefined) return join(instanceDirectory, 'state')
  const id = createHash('sha256')
    .update([...brokers].sort().join(','))
    .digest('hex')
    .slice(0, 12)
  return join(instanceDirectory, `state-kafka-${id}`)
}

/** The state directories that processes of the building have in a data directory for this log. */
export async function stateDirectories(dataDir: string, brokers: readonly string[] | undefined): Promise<string[]> {
  const names = await readdir(dataDir).catch(() => [])
  return names
    .filter((name) => /^instance-\d+$/.test(name))
    .sort(new Intl.Collator('en', { numeric: true }).compare)
    .map((name) => stateDirectory(join(dataDir, name), brokers))
}
