import type { Clock } from '../../../common/clock.ts'
import { BrookError } from '../../../common/errors.ts'
import type { Logger } from '../../../common/log.ts'
import type { KafkaProvider } from '../../../kafka/port.ts'
import { TopologyChangedError } from '../../errors.ts'
import type { Application } from '../client/application.ts'
import { blueprintOf } from './blueprint.ts'
import { compareBlueprints } from './compare-blueprints.ts'
import { readDeployedTopology, writeDeployedTopology } from './deployed-topology.ts'

/** What a client does at start about a topology that cannot go on from the one deployed. */
export type TopologyCheck = 'off' | 'warn' | 'refuse'

export interface DeploymentCheckOptions {
  readonly application: Application
  readonly kafka: KafkaProvider
  readonly topologyCheck: TopologyCheck
  readonly replicationFactor: number | undefined
  readonly clock: Clock
  readonly log: Logger
}

/**
 * Compares the topology with the one that ran last under this id. Resolves with what leaves the description of this one in its place:
 * for when the client is sure to run. Where the description cannot be read or written (rights), the application runs without.
 * @throws {TopologyChangedError} under `refuse`, before anything was created.
 */
export async function checkDeployment(options: DeploymentCheckOptions): Promise<() => Promise<void>> {
  const { application, kafka, topologyCheck: check, replicationFactor, clock, log } = options
  if (check === 'off') return async () => {}
  const next = blueprintOf(application)
  const deployed = await tolerating(log, () => readDeployedTopology(kafka, application.id))
  const problems =
    deployed === undefined
      ? []
      : compareBlueprints(next, deployed.blueprint).filter(({ verdict }) => verdict !== 'compatible')
  if (problems.length > 0) {
    const error = new TopologyChangedError(application.id, problems)
    if (check === 'refuse') throw error
    log.warn({ code: error.code }, error.message)
  }
  if (JSON.stringify(next) === JSON.stringify(deployed?.blueprint)) return async () => {}
  return async () => {
    await tolerating(log, () => writeDeployedTopology(kafka, next, replicationFactor, clock.nowMs()))
  }
}

/** What is refused for good is said in the log; what passes is the caller's to see. */
async function tolerating<T>(log: Logger, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof BrookError) || error.recovery === 'retry') throw error
    log.warn({ code: error.code }, `the description of the topology is not kept: ${error.message}`)
    return undefined
  }
}
