import { BrookError } from '../../common/errors.ts'

/** InfluxDB cannot be reached, does not answer, or answers that it cannot do it now. Try again. */
export class InfluxUnavailableError extends BrookError {
  readonly code = 'INFLUXDB_UNAVAILABLE'
  readonly domain = 'external'
  readonly recovery = 'retry'
}

/** InfluxDB answers that it will not: no such bucket, a wrong token, no right to write. Somebody has to mend that. */
export class InfluxRefusedError extends BrookError {
  readonly code = 'INFLUXDB_REFUSED'
  readonly domain = 'user'
  readonly recovery = 'retry'
}
