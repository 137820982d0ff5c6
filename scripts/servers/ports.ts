import { createServer } from 'node:net'
import { ServerStartError } from './errors.ts'

/**
 * Below the range from which systems take ports for outgoing connections, so that the port of a server that is killed and
 * started again is not taken by a client in between.
 */
const LOWEST = 12_000
const HIGHEST = 31_000

/** `count` ports of 127.0.0.1 that nobody listens on now, all different, chosen at random. */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>()
  for (let tries = 0; tries < 1000 && ports.size < count; tries++) {
    const port = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST))
    if (!ports.has(port) && (await isFree(port))) ports.add(port)
  }
  if (ports.size < count) throw new ServerStartError(`no ${count} free ports between ${LOWEST} and ${HIGHEST}`)
  return [...ports]
}

export async function freePort(): Promise<number> {
  return (await freePorts(1))[0] as number
}

/** Whether a server could listen on this port of 127.0.0.1 now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
