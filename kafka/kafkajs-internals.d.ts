/** The inner modules of kafkajs 2.2.4 that `broker-link.ts` uses; the package ships types for its public door only. */
declare module 'kafkajs/src/broker/index.js' {
  import type ConnectionPool from 'kafkajs/src/network/connectionPool.js'

  export default class Broker {
    constructor(options: {
      connectionPool: ConnectionPool
      logger: import('kafkajs/src/network/connectionPool.js').InnerLogger
      authenticationTimeout: number
      allowAutoTopicCreation: boolean
    })
    readonly versions: Readonly<Record<number, { readonly minVersion: number; readonly maxVersion: number }>> | null
    connect(): Promise<void>
  }
}

declare module 'kafkajs/src/network/connectionPool.js' {
  export interface InnerLogger {
    debug(message: string, extra?: object): void
    info(message: string, extra?: object): void
    warn(message: string, extra?: object): void
    error(message: string, extra?: object): void
    namespace(name: string): InnerLogger
  }

  export interface InnerRequest<T> {
    request: {
      apiKey: number
      apiVersion: number
      apiName: string
      encode(): Promise<{ buf: Buffer; buffer: Buffer }>
    }
    response: {
      decode(payload: Buffer): Promise<{ clientSideThrottleTime: number; body: T }>
      parse(decoded: { body: T }): Promise<T>
    }
    requestTimeout: number
    logResponseError: boolean
  }

  export interface Connection {
    readonly socket?: import('node:net').Socket
    readonly requestQueue: { pending: readonly unknown[]; scheduleCheckPendingRequests(): void }
    isConnected(): boolean
    authenticate(): Promise<void>
    disconnect(): Promise<boolean>
    rejectRequests(error: Error): void
    send<T>(request: InnerRequest<T>): Promise<T>
  }

  export default class ConnectionPool {
    constructor(options: {
      host: string
      port: number
      ssl: object | null
      sasl: object | null
      clientId: string
      logger: InnerLogger
      socketFactory: unknown
      connectionTimeout: number
      requestTimeout: number
      enforceRequestTimeout: boolean
    })
    readonly pool: readonly Connection[]
    getConnection(index: number): Promise<Connection>
  }
}

declare module 'kafkajs/src/network/socketFactory.js' {
  export default function socketFactory(): unknown
}
