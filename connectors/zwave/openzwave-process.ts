/**
 * The child process of the OpenZWave driver: the native library may block, spin or crash, and takes this process with it, not
 * the connector. Orders come in and reports go out over the IPC channel of `child_process`.
 */
import { Worker } from 'node:worker_threads'
import { asError } from '../../common/errors.ts'
import type { Openzwave, OpenzwaveModule, OpenzwaveValue } from './openzwave-library.ts'
import type { OpenzwaveOrder, OpenzwaveReport } from './openzwave-messages.ts'
import { ReportQueue } from './openzwave-report-queue.ts'

const ALIVE_MS = 500
const LEVEL = { class_id: 0x26, instance: 1, index: 0 } as const

const reports = new ReportQueue((report, sent) => process.send?.(report, undefined, undefined, sent))
const tell = (report: OpenzwaveReport): void => {
  reports.put(report)
}
let library: Openzwave | undefined

/** An ordinary exit runs destructors of the library under its living threads, which ends in SIGSEGV. */
function leave(): never {
  const { reallyExit } = process as unknown as { reallyExit(code: number): never }
  return reallyExit.call(process, 0)
}

async function open({ path, userPath, configPath, answerTimeoutMs }: Extract<OpenzwaveOrder, { type: 'open' }>) {
  const { default: openzwave } = (await import('openzwave-shared')) as unknown as OpenzwaveModule
  const driver = openzwave({
    UserPath: userPath,
    ConfigPath: configPath,
    Logging: false,
    ConsoleOutput: false,
    LogInitialisation: false,
    SaveConfiguration: true,
    SuppressValueRefresh: false,
    AutoUpdateConfigFile: false,
    PollInterval: 0,
    DriverMaxAttempts: 1,
    RetryTimeout: answerTimeoutMs,
  })
  library = driver
  driver.on('driver ready', () => tell({ type: 'ready', controllerId: driver.getControllerNodeId() }))
  driver.on('driver failed', () => tell({ type: 'failed', reason: 'the stick does not answer' }))
  driver.on('node added', (nodeId) => tell({ type: 'node', event: 'added', nodeId, label: '' }))
  for (const event of ['node removed', 'node reset'] as const)
    driver.on(event, (nodeId) => tell({ type: 'node', event: 'removed', nodeId, label: '' }))
  for (const event of ['available', 'ready'] as const)
    driver.on(`node ${event}`, (nodeId, { manufacturer, product }) => {
      tell({ type: 'node', event, nodeId, label: `${manufacturer} ${product}`.trim() })
    })
  driver.on('value added', (nodeId, commandClass, { index }) => tell({ type: 'has', nodeId, commandClass, index }))
  const value = (nodeId: number, commandClass: number, { index, value, units }: OpenzwaveValue): void =>
    tell({ type: 'value', nodeId, commandClass, index, value, units })
  driver.on('value changed', value)
  driver.on('value refreshed', value)
  driver.on('notification', (nodeId, code) => tell({ type: 'notification', nodeId, code }))
  driver.on('controller command', (nodeId, state, _error, _text, command) => {
    tell({ type: 'controller', nodeId, state, command })
  })
  driver.connect(path)
}

function carryOut(order: Exclude<OpenzwaveOrder, { type: 'open' | 'close' }>, driver: Openzwave): void {
  switch (order.type) {
    case 'set-level':
      driver.setValue(order.nodeId, LEVEL.class_id, LEVEL.instance, LEVEL.index, order.level)
      return
    case 'refresh': {
      const { nodeId, commandClass, index } = order
      driver.refreshValue({ node_id: nodeId, class_id: commandClass, instance: 1, index })
      return
    }
    case 'ping':
      driver.testNetworkNode(order.nodeId, 1)
      return
    case 'probe':
      driver.hasNodeFailed(driver.getControllerNodeId())
      return
    case 'include':
      driver.addNode(false)
      return
    case 'exclude':
      driver.removeNode()
      return
    case 'cancel':
      driver.cancelControllerCommand()
      return
  }
}

process.on('message', (order: OpenzwaveOrder) => {
  if (order.type === 'open')
    open(order).catch((error: unknown) => tell({ type: 'failed', reason: asError(error).message }))
  else if (order.type === 'close') {
    // The port is closed by the end of the process: `disconnect` blocks for seconds.
    library?.writeConfig()
    leave()
  } else if (library) {
    try {
      carryOut(order, library)
    } catch (error) {
      tell({ type: 'failed', reason: asError(error).message })
    }
  }
})
process.on('disconnect', leave)
new Worker(new URL('./orphan-watch.ts', import.meta.url), { workerData: process.ppid }).unref()
setInterval(() => tell({ type: 'alive' }), ALIVE_MS)
