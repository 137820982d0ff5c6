import { threadId } from 'node:worker_threads'
import type { Topology } from '../../../streams/index.ts'
import { JOBS, type JobName } from './topologies.ts'

export interface ThreadedJob {
  readonly job: JobName
  readonly input: string
  readonly output: string
  /** Records seen, a slot for each thread: memory that all of them share. */
  readonly seen: Int32Array<SharedArrayBuffer>
}

/** A job in stream threads, each of which counts what it reads. */
export default function threadedJob({ job, input, output, seen }: ThreadedJob): Topology {
  const slot = threadId % seen.length
  return JOBS[job]({
    input,
    output,
    seen: () => {
      seen[slot] = (seen[slot] as number) + 1
    },
  })
}
