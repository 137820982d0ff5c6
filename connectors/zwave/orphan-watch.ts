/**
 * A worker thread that ends its process when the parent process is gone: the main thread may be blocked in native code, and then
 * hears neither a signal's handler nor that its channel was closed. `workerData`: the parent's process id.
 */
import { workerData } from 'node:worker_threads'

const CHECK_MS = 1_000

setInterval(() => {
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL')
}, CHECK_MS)
