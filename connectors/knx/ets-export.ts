import { readCsv } from './ets-csv.ts'
import type { EtsExport } from './ets-group.ts'
import { decodeText } from './ets-text.ts'
import { readXml } from './ets-xml.ts'

/** Reads a file of group addresses that ETS has exported, CSV or XML. Nothing is thrown: what cannot be used is told by line. */
export function readEtsExport(bytes: Buffer): EtsExport {
  const text = decodeText(bytes)
  return text.trimStart().startsWith('<') ? readXml(text) : readCsv(text)
}
