import { appendFileSync, readFileSync } from 'node:fs'
import type { Producer } from '../../kafka/port.ts'
import { FakeLog } from './fake-log.ts'

/** Lines of `<topic> <value>` in a file: what is acknowledged is there after a SIGKILL. */
export function fileProducer(path: string, acknowledgeAfterMs: number): Producer {
  let offset = 0
  return {
    ...new FakeLog().createProducer(),
    send(topic, _partition, record, acknowledge) {
      const own = offset++
      setTimeout(() => {
        appendFileSync(path, `${topic} ${record.value?.toString('utf8')}\n`)
        acknowledge?.(undefined, own)
      }, acknowledgeAfterMs)
    },
  }
}

/** The values of one topic in such a file; a last line that was cut off is left out. */
export function readFileLog<T>(path: string, topic: string): T[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return []
  }
  const prefix = `${topic} `
  return text
    .slice(0, text.lastIndexOf('\n') + 1)
    .split('\n')
    .filter((line) => line.startsWith(prefix))
    .map((line) => JSON.parse(line.slice(prefix.length)) as T)
}
