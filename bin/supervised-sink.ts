import type { Logger } from '../common/log.ts'
import type { Connector } from '../connectors/connector.ts'
import type { ReadingPublisher } from '../connectors/publisher.ts'
import { Supervisor } from '../connectors/supervisor.ts'
import type { Field } from './field.ts'

/** Starts a sink under a supervisor; its publisher is closed with it. */
export function superviseSink(sink: Connector, publisher: ReadingPublisher, log: Logger): Field {
  const supervisor = new Supervisor({ connectors: [sink], logger: log })
  supervisor.start()
  return {
    statuses: () => supervisor.statuses(),
    async stop() {
      await supervisor.stop()
      await publisher.close()
    },
  }
}
