import * as commonErrors from '../../common/errors.ts'
import * as kafkaErrors from '../../kafka/errors.ts'
import * as streamsErrors from '../errors.ts'

/** An error on its way between threads: structured cloning would keep neither its class nor its fields. */
export interface PortError {
  readonly className: string
  readonly message: string
  readonly stack: string | undefined
  readonly fields: Readonly<Record<string, unknown>>
  readonly cause: PortError | undefined
}

const MAX_CAUSES = 8

/** Fields that cannot be sent are left out. */
export function packError(thrown: unknown, causesLeft = MAX_CAUSES): PortError {
  const error = commonErrors.asError(thrown)
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(error)) {
    if (name === 'cause' || name === 'stack' || name === 'message') continue
    const copy = cloned(value)
    if (copy !== undefined) fields[name] = copy
  }
  const { cause } = error
  return {
    className: error.constructor.name,
    message: error.message,
    stack: error.stack,
    fields,
    cause: cause === undefined || causesLeft === 0 ? undefined : packError(cause, causesLeft - 1),
  }
}

/** The error again, of its own class where that is one of Brook's or of the language's; of another class by its `name` alone. */
export function unpackError({ className, message, stack, fields, cause }: PortError): Error {
  const error = new Error(message, cause === undefined ? undefined : { cause: unpackError(cause) })
  const prototype = PROTOTYPES.get(className)
  if (prototype === undefined) Object.defineProperty(error, 'name', { value: className, configurable: true })
  else Object.setPrototypeOf(error, prototype)
  Object.assign(error, fields)
  if (stack !== undefined) Object.defineProperty(error, 'stack', { value: stack, configurable: true, writable: true })
  return error
}

const LANGUAGE = { Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError }

const PROTOTYPES: ReadonlyMap<string, object> = new Map(
  [
    ...Object.entries(LANGUAGE),
    ...[commonErrors, kafkaErrors, streamsErrors].flatMap((m) => Object.entries(m)),
  ].flatMap(([name, value]) =>
    typeof value === 'function' && (value === Error || value.prototype instanceof Error)
      ? [[name, value.prototype as object] as const]
      : [],
  ),
)

function cloned(value: unknown): unknown {
  if (value === undefined || typeof value === 'function') return undefined
  try {
    return structuredClone(value)
  } catch {
    return undefined
  }
}
