/** The program of a stream thread: started by `worker-thread.ts` with a {@link ThreadBoot}. */
import { parentPort, workerData } from 'node:worker_threads'
import type { ThreadBoot, ToThread } from './messages.ts'
import { ThreadHost } from './thread-host.ts'

if (parentPort !== null) {
  const port = parentPort
  const host = new ThreadHost(workerData as ThreadBoot, (message, transfer = []) => port.postMessage(message, transfer))
  port.on('message', (message: ToThread) => host.receive(message))
  await host.run()
  // Whatever the topology's module has left open does not hold the thread.
  process.exit(0)
}
