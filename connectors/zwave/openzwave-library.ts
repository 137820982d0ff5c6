/** What is used of openzwave-shared 1.7. Its own types do not fit it: what it exports is a function. */
export interface OpenzwaveValue {
  readonly node_id: number
  readonly class_id: number
  readonly instance: number
  readonly index: number
  readonly units: string
  readonly value: unknown
}

export interface OpenzwaveNodeInfo {
  readonly manufacturer: string
  readonly product: string
}

export interface Openzwave {
  on(event: 'driver ready', listener: (homeId: number) => void): void
  on(event: 'driver failed', listener: () => void): void
  on(event: 'node added' | 'node removed' | 'node reset', listener: (nodeId: number) => void): void
  on(event: 'node available' | 'node ready', listener: (nodeId: number, info: OpenzwaveNodeInfo) => void): void
  on(
    event: 'value added' | 'value changed' | 'value refreshed',
    listener: (nodeId: number, commandClass: number, value: OpenzwaveValue) => void,
  ): void
  on(event: 'notification', listener: (nodeId: number, code: number) => void): void
  on(
    event: 'controller command',
    listener: (nodeId: number, state: number, error: number, text: string, command: number) => void,
  ): void
  connect(path: string): void
  getControllerNodeId(): number
  setValue(nodeId: number, commandClass: number, instance: number, index: number, value: number): void
  refreshValue(value: Pick<OpenzwaveValue, 'node_id' | 'class_id' | 'instance' | 'index'>): void
  testNetworkNode(nodeId: number, count: number): void
  hasNodeFailed(nodeId: number): boolean
  addNode(secure: boolean): boolean
  removeNode(): boolean
  cancelControllerCommand(): void
  writeConfig(): void
}

/** The module: makes the one driver of the process. */
export interface OpenzwaveModule {
  default(options: Readonly<Record<string, string | number | boolean>>): Openzwave
}
