import { createSocket, type Socket } from 'node:dgram'

/**
 * Carries datagrams between standard input and output and UDP port 3671 of the network that it runs in. Each is preceded by its
 * length and the number of the client it belongs to (16 bits each, big end first); each client has a socket of its own.
 */
const sockets = new Map<number, Socket>()

function socketOf(client: number): Socket {
  const known = sockets.get(client)
  if (known) return known
  const socket = createSocket('udp4')
  socket.on('message', (bytes) => {
    const head = Buffer.alloc(4)
    head.writeUInt16BE(bytes.length)
    head.writeUInt16BE(client, 2)
    process.stdout.write(Buffer.concat([head, bytes]))
  })
  // Nobody there is no news to a sender of datagrams.
  socket.on('error', () => {})
  sockets.set(client, socket)
  return socket
}

let read = Buffer.alloc(0)
process.stdin.on('data', (bytes: Buffer) => {
  read = Buffer.concat([read, bytes])
  while (read.length >= 4 && read.length >= 4 + read.readUInt16BE(0)) {
    const end = 4 + read.readUInt16BE(0)
    socketOf(read.readUInt16BE(2)).send(read.subarray(4, end), 3671, '127.0.0.1')
    read = read.subarray(end)
  }
})
process.stdin.on('end', () => process.exit(0))
process.stdout.write('ready')
