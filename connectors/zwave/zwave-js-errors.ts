import { ZwaveNodeDeadError, ZwaveUnavailableError, ZwaveUnknownNodeError } from './driver.ts'

/** An error of zwave-js: a number, and often what it was about. */
export type ZwaveJsError = Error & { readonly code?: unknown; readonly context?: unknown }

/** The members of zwave-js' `ZWaveErrorCodes` that say something about a node; all others are about the stick. */
export interface NodeErrorCodes {
  readonly Controller_CallbackNOK: number
  readonly Controller_MessageDropped: number
  readonly Controller_NodeTimeout: number
  readonly Controller_MessageExpired: number
  readonly Controller_NodeRemoved: number
  readonly Controller_NodeNotFound: number
}

/** Whether the stick took the frame for damaged (NAK) or collided (CAN): zwave-js gives up at the first NAK, asking again helps. */
export function isDamagedFrame(error: ZwaveJsError): boolean {
  return error.context === 'NAK' || error.context === 'CAN'
}

/** What zwave-js rejects with, in our words. */
export function translateError(nodeId: number, cause: ZwaveJsError, codes: NodeErrorCodes): Error {
  if (!isDamagedFrame(cause)) {
    switch (cause.code) {
      case codes.Controller_CallbackNOK:
      case codes.Controller_MessageDropped:
      case codes.Controller_NodeTimeout:
      case codes.Controller_MessageExpired:
        return new ZwaveNodeDeadError(`node ${nodeId} does not answer: ${cause.message}`, { cause })
      case codes.Controller_NodeRemoved:
      case codes.Controller_NodeNotFound:
        return new ZwaveUnknownNodeError(`the Z-Wave network has no node ${nodeId}`, { cause })
    }
  }
  return new ZwaveUnavailableError(`the Z-Wave stick does not do it: ${cause.message}`, { cause })
}
