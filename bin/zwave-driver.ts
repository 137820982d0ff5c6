import { ConfigError } from '../common/errors.ts'
import type { Logger } from '../common/log.ts'
import type { ZwaveDriver } from '../connectors/zwave/driver.ts'
import { OpenzwaveDriver, openzwaveProblem } from '../connectors/zwave/openzwave-driver.ts'
import { ZwaveJsDriver } from '../connectors/zwave/zwave-js-driver.ts'
import type { ZwaveDriverName } from './zwave-drivers.ts'

/** Where the stick is, and what drives it. */
export interface ZwavePlan {
  readonly path: string
  readonly simulated: boolean
  readonly driver: ZwaveDriverName
}

/** Makes a driver for each start. @throws {ConfigError} when the native one is wanted and not built, with the way to build it. */
export function zwaveDriver(
  { path, simulated, driver }: ZwavePlan,
  cacheDir: string,
  logger: Logger,
): () => ZwaveDriver {
  if (driver === 'zwave-js') return () => new ZwaveJsDriver({ path, cacheDir, softReset: !simulated, logger })
  const problem = openzwaveProblem()
  if (problem !== undefined) throw new ConfigError([`BROOK_ZWAVE_DRIVER is openzwave: ${problem}`])
  return () => new OpenzwaveDriver({ path, cacheDir, logger })
}
