import type { AssignorMember, MemberAssignment, PartitionAssignor } from '../../../kafka/port.ts'

/** In a member's user data: it asks for the end of the application. In an assignment's: some member did. @see org.apache.kafka.streams.processor.internals.assignment.AssignorError */
const SHUTDOWN_REQUESTED = 'shutdown-requested'

export interface ShutdownNews {
  /** This member asks for the end of the whole application. */
  readonly asks: boolean
  /** Some member has asked; nobody has tasks any more. */
  readonly onAsked: () => void
}

/** An assignor, whose user data are JSON objects, that spreads the request to shut the application down. */
export function withShutdown(assignor: PartitionAssignor, { asks, onAsked }: ShutdownNews): PartitionAssignor {
  const { name, version } = assignor
  return {
    name,
    version,
    subscriptionUserData: () => (asks ? asking(assignor.subscriptionUserData()) : assignor.subscriptionUserData()),
    assign: (partitionCounts, members) =>
      members.some(({ userData }) => isAsking(userData)) ? nothing(members) : assignor.assign(partitionCounts, members),
    onAssignment: (assignment, generationId) => {
      assignor.onAssignment?.(assignment, generationId)
      if (isAsking(assignment.userData)) onAsked()
    },
  }
}

function nothing(members: readonly AssignorMember[]): ReadonlyMap<string, MemberAssignment> {
  return new Map(members.map(({ memberId }) => [memberId, { partitions: [], userData: asking(Buffer.from('{}')) }]))
}

function asking(userData: Buffer): Buffer {
  return Buffer.from(JSON.stringify({ ...parsed(userData), error: SHUTDOWN_REQUESTED }), 'utf8')
}

function isAsking(userData: Buffer | undefined): boolean {
  if (!userData?.includes(SHUTDOWN_REQUESTED)) return false
  return parsed(userData)['error'] === SHUTDOWN_REQUESTED
}

/** User data that cannot be read (another version's) asks for nothing. */
function parsed(userData: Buffer): Readonly<Record<string, unknown>> {
  try {
    const data: unknown = JSON.parse(userData.toString('utf8'))
    return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}
