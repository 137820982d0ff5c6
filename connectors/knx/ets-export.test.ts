import { describe, expect, it } from 'vitest'
import * as fc from '../../test/support/property.ts'
import { formatGroupAddress } from './addresses.ts'
import { readEtsExport } from './ets-export.ts'

const read = (text: string | Buffer) => {
  const { format, groups, problems } = readEtsExport(Buffer.from(text as string))
  const short = groups.map(({ address, name, path, dpt }) => [
    formatGroupAddress(address),
    [...path, name].join(' / '),
    dpt,
  ])
  return { format, short, groups, problems }
}

const KITCHEN = [['1/0/1', 'Lighting / Ground floor / Kitchen - Ceiling - Switch', 'DPST-1-1']]

describe('a CSV export of ETS', () => {
  it.each([
    [
      'three columns of names, one of addresses, semicolons, titles',
      `"Main";"Middle";"Sub";"Address";"Central";"Unfiltered";"Description";"DatapointType";"Security"
"Lighting";"";"";"1/-/-";"";"";"";"";"Auto"
"";"Ground floor";"";"1/0/-";"";"";"";"";"Auto"
"";"";"Kitchen - Ceiling - Switch";"1/0/1";"";"";"";"DPST-1-1";"Auto"`,
    ],
    [
      'the same without titles, commas, nothing quoted',
      `Lighting,,,1/-/-,,,,,Auto\n,Ground floor,,1/0/-,,,,,Auto\n,,Kitchen - Ceiling - Switch,1/0/1,,,,DPST-1-1,Auto`,
    ],
    [
      'one column of names, one of addresses, tabs, titles',
      `"Group name"\t"Address"\t"Central"\t"Unfiltered"\t"Description"\t"DatapointType"\t"Security"
"Lighting"\t"1/-/-"\t""\t""\t""\t""\t"Auto"
"Ground floor"\t"1/0/-"\t""\t""\t""\t""\t"Auto"
"Kitchen - Ceiling - Switch"\t"1/0/1"\t""\t""\t""\t"DPST-1-1"\t"Auto"`,
    ],
    [
      'three columns of names and three of numbers',
      `"Main";"Middle";"Sub";"Main";"Middle";"Sub";"Central";"Unfiltered";"Description";"DatapointType";"Security"
"Lighting";"";"";"1";"";"";"";"";"";"";"Auto"
"";"Ground floor";"";"1";"0";"";"";"";"";"";"Auto"
"";"";"Kitchen - Ceiling - Switch";"1";"0";"1";"";"";"";"DPST-1-1";"Auto"`,
    ],
    [
      'the same without titles',
      `Lighting;;;1;;;;;;;Auto\n;Ground floor;;1;0;;;;;;Auto\n;;Kitchen - Ceiling - Switch;1;0;1;;;;DPST-1-1;Auto`,
    ],
    [
      'titles in German, ranges after what is in them, line ends of Windows',
      `Gruppenname;Adresse;Datenpunkttyp\r\nKitchen - Ceiling - Switch;1/0/1;DPST-1-1\r\nLighting;1/-/-;\r\nGround floor;1/0/-;\r\n`,
    ],
  ])('is read: %s', (_, text) => {
    const { format, short, problems } = read(text)
    expect(problems).toEqual([])
    expect(short).toEqual(KITCHEN)
    expect(format).toBe('CSV')
  })

  it('is read: an address, then its name, without a datapoint type', () => {
    expect(read('1/0/1,Kitchen lamp\n1/0/2,"Kitchen, lamp, status"').short).toEqual([
      ['1/0/1', 'Kitchen lamp', undefined],
      ['1/0/2', 'Kitchen, lamp, status', undefined],
    ])
  })

  it('is read: two levels, and free addresses', () => {
    expect(read('Lighting;1/-\nLamp;1/515').short).toEqual([['1/2/3', 'Lighting / Lamp', undefined]])
    expect(read('"Group name";"Address"\nLamp;2563').short).toEqual([['1/2/3', 'Lamp', undefined]])
    expect(read('Lamp;2563\nOther;2564').short).toEqual([
      ['1/2/3', 'Lamp', undefined],
      ['1/2/4', 'Other', undefined],
    ])
  })

  it('is read: central and unfiltered, description over several lines, doubled quotation marks', () => {
    const { groups } = read(`"Group name";"Address";"Central";"Unfiltered";"Description"
"All ""off""";"0/0/1";"x";"";"first
second"
"Lamp";"1/0/1";"";"True";""`)
    expect(groups).toEqual([
      {
        line: 2,
        address: 1,
        name: 'All "off"',
        path: [],
        dpt: undefined,
        description: 'first\nsecond',
        central: true,
        unfiltered: false,
      },
      {
        line: 4,
        address: 2049,
        name: 'Lamp',
        path: [],
        dpt: undefined,
        description: '',
        central: false,
        unfiltered: true,
      },
    ])
  })

  it.each([
    ['UTF-8', Buffer.from('Küche – Licht;1/0/1')],
    ['UTF-8 with a byte order mark', Buffer.from('\ufeffKüche – Licht;1/0/1')],
    ['Windows-1252', Buffer.from('K\xfcche \x96 Licht;1/0/1', 'latin1')],
    ['UTF-16', Buffer.from('\ufeffKüche – Licht;1/0/1', 'utf16le')],
  ])('is read in %s', (_, bytes) => {
    expect(read(bytes).short).toEqual([['1/0/1', 'Küche – Licht', undefined]])
  })

  it('says of each line that cannot be used why, and uses the others', () => {
    const { short, problems } = read(`"Group name";"Address";"DatapointType"
"good";"1/0/1";"DPST-1-1"
"bad";"32/0/1";"DPST-1-1"
"none";"";""
"again";"1/0/1";""
"open;"1/0/4";""
"words";"one";""
"zero";"0/0/0";""
"last";"1/0/2";"DPST-9-1"`)
    expect(short.map(([address]) => address)).toEqual(['1/0/1', '1/0/2'])
    expect(problems).toEqual([
      { line: 3, reason: '"32/0/1" is not a KNX group address such as 1/0/2' },
      { line: 4, reason: 'there is no group address' },
      { line: 5, reason: 'the group address is on line 2 already' },
      { line: 6, reason: 'a quotation mark is not closed' },
      { line: 7, reason: '"one" is not a KNX group address such as 1/0/2' },
      { line: 8, reason: '"0/0/0" is not a KNX group address such as 1/0/2' },
    ])
  })

  it.each(['', 'hello', '{"a": 1}', '\n\n', 'a;b\nc;d'])(
    'says of a file that is none, such as %j, that it is none',
    (text) => {
      expect(read(text)).toMatchObject({
        groups: [],
        problems: [{ line: expect.any(Number), reason: expect.stringContaining('no column') }],
      })
    },
  )

  it('never throws, whatever the bytes', () => {
    const pieces = fc.constantFrom('"', ';', ',', '\n', '\r', '1/0/1', '1/-/-', 'Address', 'x', '<', '7', '\ufeff')
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.array(pieces).map((all) => Buffer.from(all.join(''))),
        ),
        (bytes) => {
          expect(readEtsExport(Buffer.from(bytes)).format).toMatch(/CSV|XML/)
        },
      ),
    )
  })
})

const XML = `<?xml version="1.0" encoding="utf-8" standalone="yes"?>
<GroupAddress-Export xmlns="http://knx.org/xml/ga-export/01">
  <GroupRange Name="Lighting" RangeStart="2048" RangeEnd="4095">
    <GroupRange Name="Ground floor" RangeStart="2048" RangeEnd="2303">
      <GroupAddress Name="Kitchen - Ceiling - Switch" Address="1/0/1" DPTs="DPST-1-1" />
      <GroupAddress Name="K&#252;che &amp; Bad" Address="1/0/2" Central="true" Unfiltered="true" Description="both" />
      <GroupAddress Name="wrong" Address="1/9/1" />
    </GroupRange>
  </GroupRange>
  <GroupRange Name="Free"><GroupAddress Name="free" Address="2563" DPTs="DPST-9-1 DPST-9-2" /></GroupRange>
</GroupAddress-Export>`

describe('an XML export of ETS', () => {
  it('is read with its ranges; a line that cannot be used is named', () => {
    const { format, short, groups, problems } = read(XML)
    expect(format).toBe('XML')
    expect(short).toEqual([
      ...KITCHEN,
      ['1/0/2', 'Lighting / Ground floor / Küche & Bad', undefined],
      ['1/2/3', 'Free / free', 'DPST-9-1 DPST-9-2'],
    ])
    expect(groups[1]).toMatchObject({ line: 6, central: true, unfiltered: true, description: 'both' })
    expect(problems).toEqual([{ line: 7, reason: '"1/9/1" is not a KNX group address such as 1/0/2' }])
  })

  it('is used up to where it is broken', () => {
    const { short, problems } = read(XML.slice(0, XML.indexOf('<GroupAddress Name="wrong"')))
    expect(short).toHaveLength(2)
    expect(problems).toEqual([{ line: 7, reason: expect.stringContaining('the XML is broken here') }])
  })

  it.each([
    ['<a/>', 'its root is a'],
    ['<GroupAddress-Export xmlns="http://knx.org/xml/ga-export/99"/>', 'not GroupAddress-Export of http'],
    ['<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 'its root is a'],
  ])('is none: %s', (text, reason) => {
    expect(read(text).problems[0]?.reason).toContain(reason)
    expect(read(text).groups).toEqual([])
  })
})
