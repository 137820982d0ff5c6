import { SaxesParser, type SaxesTagNS } from 'saxes'
import { asError } from '../../common/errors.ts'
import { parseAnyGroupAddress } from './addresses.ts'
import { type EtsExport, GroupCollector } from './ets-group.ts'

const NAMESPACE = 'http://knx.org/xml/ga-export/01'

/** Reads an XML export of group addresses. What stands before a mistake in the XML itself is used. */
export function readXml(text: string): EtsExport {
  const found = new GroupCollector()
  const ranges: string[] = []
  const parser = new SaxesParser({ xmlns: true })
  let isBroken = false
  let isExport: boolean | undefined
  parser.on('error', (error) => {
    // Later mistakes follow from the first.
    if (!isBroken) found.problem(parser.line, `the XML is broken here: ${error.message.replace(/^[\d:\s]+/, '')}`)
    isBroken = true
  })
  parser.on('opentag', (tag) => {
    if (isBroken) return
    if (isExport === undefined) {
      isExport = tag.local === 'GroupAddress-Export' && tag.uri === NAMESPACE
      if (!isExport)
        found.problem(
          parser.line,
          `this is no group address export: its root is ${tag.name}, not GroupAddress-Export of ${NAMESPACE}`,
        )
    }
    if (!isExport) return
    if (tag.local === 'GroupRange') ranges.push(attribute(tag, 'Name'))
    if (tag.local === 'GroupAddress') addGroup(found, tag, parser.line, ranges)
  })
  parser.on('closetag', (tag) => {
    if (isExport && tag.local === 'GroupRange') ranges.pop()
  })
  parser.write(text).close()
  return { format: 'XML', groups: found.groups, problems: found.problems }
}

function addGroup(found: GroupCollector, tag: SaxesTagNS, line: number, ranges: readonly string[]): void {
  try {
    found.add({
      line,
      address: parseAnyGroupAddress(attribute(tag, 'Address')),
      name: attribute(tag, 'Name'),
      path: ranges.filter((name) => name !== ''),
      dpt: attribute(tag, 'DPTs') || undefined,
      description: attribute(tag, 'Description'),
      central: attribute(tag, 'Central') === 'true',
      unfiltered: attribute(tag, 'Unfiltered') === 'true',
    })
  } catch (error) {
    found.problem(line, asError(error).message)
  }
}

function attribute(tag: SaxesTagNS, name: string): string {
  return tag.attributes[name]?.value.trim() ?? ''
}
