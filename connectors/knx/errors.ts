import { BrookError } from '../../common/errors.ts'

/** A text or number that is no KNX address. */
export class KnxAddressError extends BrookError {
  readonly code = 'KNX_ADDRESS_INVALID'
  readonly domain = 'user'
  readonly recovery = 'skip-record'
}

/** Bytes that are no KNXnet/IP frame, or no cEMI frame, or one that is cut short. */
export class KnxFrameError extends BrookError {
  readonly code = 'KNX_FRAME_INVALID'
  readonly domain = 'external'
  readonly recovery = 'skip-record'
}

/** A payload that does not fit its datapoint type, or a value that the type cannot carry. */
export class DptError extends BrookError {
  readonly code = 'KNX_DPT_MISMATCH'
  readonly domain = 'external'
  readonly recovery = 'skip-record'
}

/** The datapoint type is none of those we have a codec for. */
export class UnsupportedDptError extends BrookError {
  readonly code = 'KNX_DPT_UNSUPPORTED'
  readonly domain = 'user'
  readonly recovery = 'skip-record'
}

/** Nobody answered within the time: no gateway, no device, or no confirmation from the bus. */
export class KnxTimeoutError extends BrookError {
  readonly code = 'KNX_TIMEOUT'
  readonly domain = 'external'
  readonly recovery = 'retry'
}

/** The gateway has reached the bus, and the bus did not take the telegram (negative L_Data.con), several times. */
export class KnxTelegramRefusedError extends BrookError {
  readonly code = 'KNX_TELEGRAM_REFUSED'
  readonly domain = 'external'
  readonly recovery = 'retry'
}

/** A younger write to the same group address took the place of this one before it was sent. */
export class KnxSupersededError extends BrookError {
  readonly code = 'KNX_SUPERSEDED'
  readonly domain = 'user'
  readonly recovery = 'skip-record'
}

/** The gateway refused or ended the tunnel, or went away. */
export class KnxTunnelError extends BrookError {
  readonly code = 'KNX_TUNNEL_LOST'
  readonly domain = 'external'
  readonly recovery = 'retry'
}

/** The link was closed on purpose while this was pending. */
export class KnxLinkClosedError extends BrookError {
  readonly code = 'KNX_LINK_CLOSED'
  readonly domain = 'user'
  readonly recovery = 'stop'
}

/** A part of a mapping file that cannot be used. */
export class KnxMappingError extends BrookError {
  readonly code = 'KNX_MAPPING_INVALID'
  readonly domain = 'user'
  readonly recovery = 'stop'
}
