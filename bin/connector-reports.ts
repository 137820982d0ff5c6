import type { LiveHub } from '../http/live/live-hub.ts'
import type { Field } from './field.ts'
import type { Closing } from './program.ts'

const EVERY_MS = 2_000

/** Tells the live hub, and so `/v1/connectors` and the page, how the connectors fare. */
export function reportConnectors(field: Field, hub: LiveHub, closing: Closing): void {
  const report = (): void => {
    for (const status of field.statuses()) hub.publish({ type: 'connector', key: status.name, data: status })
  }
  const timer = setInterval(report, EVERY_MS)
  closing.add('the connector reports', () => clearInterval(timer))
  report()
}
