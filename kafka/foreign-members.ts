import type { Logger } from '../common/log.ts'
import { GroupProtocolError } from './errors.ts'
import type { GroupDescription } from './port.ts'

const MARGIN_MS = 3_000
const MOST_NAMED = 5

export interface ForeignMembersOptions {
  readonly groupId: string
  readonly protocol: string
  readonly sessionTimeoutMs: number
  readonly describe: () => Promise<Pick<GroupDescription, 'members'>>
  readonly logger: Logger
}

/**
 * What a member does whose group has members of another assignor: the coordinator lets nobody in that does not speak the protocol of all. Those may
 * be gone: Kafka Streams does not leave its group when it is closed, and a process that was killed cannot. So they are waited for as long as a
 * session lasts; who is there then is alive.
 */
export class ForeignMembers {
  readonly #options: ForeignMembersOptions
  #sinceMs: number | undefined

  constructor(options: ForeignMembersOptions) {
    this.#options = options
  }

  /** The coordinator took us. */
  gone(): void {
    this.#sinceMs = undefined
  }

  /** The coordinator refused us because of them. @throws {GroupProtocolError} when they have been waited for long enough. */
  async met(): Promise<void> {
    const { groupId, protocol, sessionTimeoutMs, logger } = this.#options
    const nowMs = performance.now()
    if (this.#sinceMs === undefined) {
      this.#sinceMs = nowMs
      logger.warn(
        { groupId, protocol, members: await this.#names(), sessionTimeoutMs },
        'the group has members of another protocol: waiting until their sessions are over',
      )
    } else if (nowMs - this.#sinceMs > sessionTimeoutMs + MARGIN_MS) {
      throw new GroupProtocolError(
        `group ${groupId} has members that do not speak ${protocol}, and they are alive: ${await this.#names()}. ` +
          'Kafka Streams on the JVM and Brook run one application one after the other, not at once: stop those members first. ' +
          `They were waited for ${Math.round((nowMs - this.#sinceMs) / 1_000)} s; where their session timeout is longer, set sessionTimeout to the same`,
      )
    }
  }

  async #names(): Promise<string> {
    const { members } = await this.#options.describe()
    const names = members.slice(0, MOST_NAMED).map(({ clientId, host }) => `${clientId} at ${host}`)
    const more = members.length - names.length
    return names.length === 0
      ? 'members of a group of another kind'
      : names.join(', ') + (more > 0 ? `, and ${more} more` : '')
  }
}
