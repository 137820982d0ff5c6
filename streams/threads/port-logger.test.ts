import { expect, test } from 'vitest'
import { createLogger, type Logger, silentLogger } from '../../common/log.ts'
import { StoreNotAvailableError } from '../errors.ts'
import { LOG_METHODS, type PortLogLine, portLogger, writeLine, writtenMethods } from './port-logger.ts'

const collected = (): { log: Logger; lines: [method: string, fields: object, message: string][] } => {
  const lines: [string, object, string][] = []
  const write = (method: string) => (fields: object, message: string) => void lines.push([method, fields, message])
  const [trace, debug, info, warn, error, fatal] = LOG_METHODS.map(write)
  const log = { trace, debug, info, warn, error, fatal, child: () => log } as Logger
  return { log, lines }
}

const overThePort = (log: Logger, written = LOG_METHODS): Logger =>
  portLogger([...written], (line: PortLogLine) => writeLine(log, structuredClone(line)))

test('lines come out with the fields of all parents', () => {
  const { log, lines } = collected()
  const worker = overThePort(log).child({ applicationId: 'app' }).child({ threadId: 'one' })
  worker.info({ tasks: ['0_1'] }, 'tasks assigned')
  worker.warn({}, 'hm')
  expect(lines).toEqual([
    ['info', { applicationId: 'app', threadId: 'one', tasks: ['0_1'] }, 'tasks assigned'],
    ['warn', { applicationId: 'app', threadId: 'one' }, 'hm'],
  ])
})

test('errors are errors again, and what cannot be sent is text', () => {
  const { log, lines } = collected()
  overThePort(log).error({ err: new StoreNotAvailableError('counts', 'restoring'), handler: () => 1 }, 'no')
  const [[, fields] = []] = lines
  expect(fields).toMatchObject({ err: { code: 'STORE_NOT_AVAILABLE', reason: 'restoring' }, handler: '() => 1' })
  expect(Reflect.get(fields as object, 'err')).toBeInstanceOf(StoreNotAvailableError)
})

test('levels that the logger does not write are not sent', () => {
  expect(writtenMethods(silentLogger)).toEqual([])
  expect(writtenMethods(createLogger({ level: 'warn' }))).toEqual(['warn', 'error', 'fatal'])
  expect(writtenMethods(collected().log)).toEqual(LOG_METHODS)
  const { log, lines } = collected()
  const worker = portLogger(['warn'], (line) => writeLine(log, line))
  worker.debug({}, 'unheard')
  worker.warn({}, 'heard')
  expect(lines).toEqual([['warn', {}, 'heard']])
  expect(worker.isLevelEnabled?.('debug')).toBe(false)
  expect(worker.isLevelEnabled?.('warn')).toBe(true)
})
