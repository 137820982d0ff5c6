import { connect } from 'node:net'

export interface BrokerAnswer {
  readonly brokerIds: readonly number[]
  readonly controllerId: number
}

const METADATA_API = 3
/** The newest version without compact fields; Kafka 3 and 4 answer it. */
const METADATA_VERSION = 8

/** Asks one broker which brokers it knows: a real answer, since an open port says only that the process has begun. */
export function askForBrokers(port: number, timeoutMs = 2_000): Promise<BrokerAnswer | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' })
    let received = Buffer.alloc(0)
    const finish = (answer: BrokerAnswer | undefined) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(timeoutMs, () => finish(undefined))
    socket.once('error', () => finish(undefined))
    socket.once('close', () => finish(undefined))
    socket.once('connect', () => socket.write(metadataRequest()))
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk])
      if (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) finish(parseAnswer(received))
    })
  })
}

function metadataRequest(): Buffer {
  const clientId = Buffer.from('brook-probe')
  const request = Buffer.alloc(4 + 2 + 2 + 4 + 2 + clientId.length + 4 + 3)
  let at = request.writeInt32BE(request.length - 4, 0)
  at = request.writeInt16BE(METADATA_API, at)
  at = request.writeInt16BE(METADATA_VERSION, at)
  at = request.writeInt32BE(1, at)
  at = request.writeInt16BE(clientId.length, at)
  at += clientId.copy(request, at)
  // An empty list of topics: no topic is asked about. The three flags after it stay false.
  request.writeInt32BE(0, at)
  return request
}

function parseAnswer(answer: Buffer): BrokerAnswer {
  // Length, correlation id and throttle time come first.
  let at = 12
  const text = () => {
    const length = answer.readInt16BE(at)
    at += 2 + Math.max(0, length)
  }
  const count = answer.readInt32BE(at)
  at += 4
  const brokerIds: number[] = []
  for (let i = 0; i < count; i++) {
    brokerIds.push(answer.readInt32BE(at))
    at += 4
    text()
    at += 4
    text()
  }
  text()
  return { brokerIds, controllerId: answer.readInt32BE(at) }
}
