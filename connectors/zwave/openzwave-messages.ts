/** What the driver tells its child process, which has the native library in it. */
export type OpenzwaveOrder =
  | {
      readonly type: 'open'
      readonly path: string
      readonly userPath: string
      readonly configPath: string
      readonly answerTimeoutMs: number
    }
  | { readonly type: 'set-level'; readonly nodeId: number; readonly level: number }
  | { readonly type: 'refresh'; readonly nodeId: number; readonly commandClass: number; readonly index: number }
  | { readonly type: 'ping'; readonly nodeId: number }
  /** Asks the stick itself something; the answer is the controller state `node-ok` or `node-failed`. */
  | { readonly type: 'probe' }
  | { readonly type: 'include' | 'exclude' | 'cancel' }
  | { readonly type: 'close' }

/** A value as OpenZWave names it: the index is what the command class counts by, such as the type of a sensor. */
export interface OpenzwaveValueReport {
  readonly type: 'value'
  readonly nodeId: number
  readonly commandClass: number
  readonly index: number
  readonly value: unknown
  readonly units: string
}

/** `available`: it is known what it is; `ready`: what it can do. */
export interface OpenzwaveNodeReport {
  readonly type: 'node'
  readonly event: 'added' | 'removed' | 'available' | 'ready'
  readonly nodeId: number
  readonly label: string
}

/** What the child tells. */
export type OpenzwaveReport =
  /** Its event loop turns. */
  | { readonly type: 'alive' }
  | { readonly type: 'ready'; readonly controllerId: number }
  | { readonly type: 'failed'; readonly reason: string }
  | OpenzwaveNodeReport
  /** The node has this value; what it is comes as a `value`. */
  | { readonly type: 'has'; readonly nodeId: number; readonly commandClass: number; readonly index: number }
  | OpenzwaveValueReport
  | { readonly type: 'notification'; readonly nodeId: number; readonly code: number }
  | { readonly type: 'controller'; readonly nodeId: number; readonly state: number; readonly command: number }
  /** Reports that were given up because newer ones of the same value came before they could be told. */
  | { readonly type: 'dropped'; readonly count: number }

/** Codes of notifications about a node. */
export const NODE_NOTIFICATION = { timeout: 1, awake: 3, asleep: 4, dead: 5, alive: 6 } as const

/** States of a controller command. */
export const CONTROLLER_STATE = {
  cancelled: 2,
  error: 3,
  waiting: 4,
  inProgress: 6,
  completed: 7,
  failed: 8,
  nodeOk: 9,
  nodeFailed: 10,
} as const

/** Controller commands. */
export const CONTROLLER_COMMAND = { addDevice: 1, removeDevice: 4, hasNodeFailed: 6 } as const
