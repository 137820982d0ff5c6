/**
 * What we use of npm knx 2.5.4, as it behaves; the typings that it ships describe another interface. Importing this file of it
 * instead of its index leaves out the line that the index prints when it is loaded.
 */
declare module 'knx/src/Connection.js' {
  import type { RemoteInfo, Socket } from 'node:dgram'

  interface KnxDatagram {
    tunnstate: { seqnum: number }
    cemi: {
      dest_addr: string
      /** `bitlength` up to 6: inside the APCI octet; above: octets of their own. */
      apdu: { apci: string; tpci: number; data: Buffer | number; bitlength?: number }
    }
  }

  interface KnxConnection {
    /** machina's name of the present state. */
    readonly state: string
    /** Number of the last tunnelling request, not yet cut to 8 bits. */
    readonly seqnum: number
    socket?: Socket
    /** A timer that survives a disconnect and revives the connection after 60 s; set only where it is null. */
    idletimer: unknown
    connecttimer?: NodeJS.Timeout
    connstatetimer?: NodeJS.Timeout
    disconnecttimer?: NodeJS.Timeout
    tunnelingAckTimer?: NodeJS.Timeout
    getLocalAddress(): string
    BindSocket(bound: (socket: Socket) => void): Socket
    onUdpSocketMessage(bytes: Buffer, from: RemoteInfo): void
    Connect(): void
    Request(serviceType: number, decorate: (datagram: KnxDatagram) => void): void
    prepareDatagram(serviceType: number): KnxDatagram
    /** Writes to the socket, past the state machine. */
    send(datagram: KnxDatagram, sent?: (error: Error | null) => void): void
    acknowledge(request: { readonly tunnstate: { readonly seqnum: number } }): void
    transition(state: string): void
    handle(input: string, datagram?: KnxDatagram): void
    on(event: 'connected' | 'disconnected', listener: () => void): void
    on(event: 'tunnelreqfailed', listener: (datagram: KnxDatagram) => void): void
    /** Removes all listeners. */
    off(): void
  }

  interface KnxConnectionOptions {
    readonly ipAddr: string
    readonly ipPort: number
    /** 0.0.0: the gateway puts in the tunnel's own address. Any other one has to be free, or answers get lost. */
    readonly physAddr: string
    readonly loglevel: 'error' | 'warn' | 'info' | 'debug' | 'trace'
    readonly manualConnect: true
  }

  /** Throws texts, not errors. */
  function createConnection(options: KnxConnectionOptions): KnxConnection
  export default createConnection
  export type { KnxConnection, KnxDatagram }
}
