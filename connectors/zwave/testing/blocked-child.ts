/** A process whose main thread hears nothing any more. */
import { Worker } from 'node:worker_threads'

const watch = new Worker(new URL('../orphan-watch.ts', import.meta.url), { workerData: process.ppid })
watch.once('online', () => {
  console.log(process.pid)
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
})
