/** What an object is named by. */
export interface ObjectIdentity {
  readonly topic: string
  readonly partition: number
  /** `YYYY/MM/dd/HH` */
  readonly hour: string
  /** Offset of the object's first record. */
  readonly firstOffset: number
  /** The writer schema of all its records, where it has one. */
  readonly schemaId?: number
}

const OFFSET_DIGITS = 10

/**
 * `<prefix>/<topic>/YYYY/MM/dd/HH/<topic>+<partition>+<first offset>[+<schema id>]<extension>`: nothing but the identity and
 * the settings is in it, so whoever writes the object again writes over it.
 */
export function objectName(prefix: string, identity: ObjectIdentity, extension: string): string {
  const { topic, partition, hour, firstOffset, schemaId } = identity
  const offset = String(firstOffset).padStart(OFFSET_DIGITS, '0')
  const file = [topic, partition, offset, ...(schemaId === undefined ? [] : [schemaId])].join('+')
  return [...(prefix === '' ? [] : [prefix]), topic, hour, `${file}${extension}`].join('/')
}
