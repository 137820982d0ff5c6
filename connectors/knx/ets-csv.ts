import { asError } from '../../common/errors.ts'
import { parseAnyGroupAddress } from './addresses.ts'
import { type CsvRow, csvRows } from './csv-rows.ts'
import { type EtsExport, GroupCollector } from './ets-group.ts'

type Column = 'name' | 'main' | 'middle' | 'sub' | 'address' | 'central' | 'unfiltered' | 'description' | 'dpt'

/** Where things stand: columns by what they hold, and the columns of the address, one or three. */
interface Layout {
  readonly columns: ReadonlyMap<Column, number>
  readonly address: readonly number[]
}

/** What the columns are called, in the languages that exports are seen in. */
const TITLES: Readonly<Record<string, Column>> = {
  'group name': 'name',
  gruppenname: 'name',
  name: 'name',
  nom: 'name',
  main: 'main',
  hauptgruppe: 'main',
  middle: 'middle',
  mittelgruppe: 'middle',
  sub: 'sub',
  untergruppe: 'sub',
  address: 'address',
  'group address': 'address',
  adresse: 'address',
  gruppenadresse: 'address',
  central: 'central',
  zentral: 'central',
  unfiltered: 'unfiltered',
  ungefiltert: 'unfiltered',
  description: 'description',
  beschreibung: 'description',
  datapointtype: 'dpt',
  'datapoint type': 'dpt',
  datenpunkttyp: 'dpt',
}

const ADDRESS = /^\d+(\/(\d+|-)){1,2}$/
const FREE_ADDRESS = /^\d{1,5}$/
const DPT = /^DPS?T-\d/i
/** After the address, in exports without a line of titles. */
const AFTER_ADDRESS: readonly Column[] = ['central', 'unfiltered', 'description', 'dpt']

/** Reads a CSV export of group addresses: any of ETS's three forms, with or without titles, in any order of columns that titles name. */
export function readCsv(text: string): EtsExport {
  const found = new GroupCollector()
  const ranges = new Map<string, string>()
  const rows = csvRows(text)
  const [first] = rows
  const titled = first === undefined ? undefined : layoutOfTitles(first)
  const layout = titled ?? layoutOfRows(rows)
  if (layout === undefined) {
    found.problem(first?.line ?? 1, 'there is no column of group addresses such as 1/0/2')
    return { format: 'CSV', groups: [], problems: found.problems }
  }
  const later: (() => void)[] = []
  for (const row of titled ? rows.slice(1) : rows) {
    const { line, cells } = row
    if (row.isOpen) {
      found.problem(line, 'a quotation mark is not closed')
      continue
    }
    const text = addressText(layout, cells)
    const cell = (column: Column): string => cells[layout.columns.get(column) ?? -1] ?? ''
    if (text === undefined || text.includes('-')) {
      const range = text?.split('/').filter((part) => part !== '-')
      const name = [cell('name'), cell('sub'), cell('middle'), cell('main')].find((candidate) => candidate !== '')
      if (range === undefined || range.some((part) => !/^\d+$/.test(part)))
        found.problem(line, 'there is no group address')
      else ranges.set(range.join('/'), name ?? '')
      continue
    }
    let address: number
    try {
      address = parseAnyGroupAddress(text)
    } catch (error) {
      found.problem(line, asError(error).message)
      continue
    }
    const [main = '', middle = ''] = text.split('/').slice(0, -1)
    later.push(() => {
      const path = [cell('main') || ranges.get(main), cell('middle') || ranges.get(`${main}/${middle}`)].map(
        (one) => one ?? '',
      )
      found.add({
        line,
        address,
        name: cell('name') || cell('sub'),
        path: path.filter((name) => name !== ''),
        dpt: cell('dpt') || cells.find((one) => DPT.test(one)),
        description: cell('description'),
        central: isYes(cell('central')),
        unfiltered: isYes(cell('unfiltered')),
      })
    })
  }
  // Only now all names of ranges are known.
  for (const add of later) add()
  return { format: 'CSV', groups: found.groups, problems: found.problems.sort((a, b) => a.line - b.line) }
}

function layoutOfTitles({ cells }: CsvRow): Layout | undefined {
  const titles = cells.map((cell) => TITLES[cell.toLowerCase()])
  const columns = new Map<Column, number>()
  titles.forEach((title, i) => {
    if (title !== undefined && !columns.has(title)) columns.set(title, i)
  })
  const address = columns.get('address')
  if (address !== undefined) return { columns, address: [address] }
  // Three columns of names and three of numbers have the same titles.
  const numbers = (['main', 'middle', 'sub'] as const).map((title) => titles.lastIndexOf(title))
  const isDouble = numbers.every((i, n) => i > 0 && i !== columns.get((['main', 'middle', 'sub'] as const)[n]!))
  return isDouble ? { columns, address: numbers } : undefined
}

function layoutOfRows(rows: readonly CsvRow[]): Layout | undefined {
  const at = (pattern: RegExp) => (row: CsvRow) => row.cells.findIndex((cell) => pattern.test(cell))
  const withSlash = rows.map(at(ADDRESS)).find((i) => i >= 0)
  if (withSlash !== undefined) return layoutAround([withSlash])
  const free = rows.map(at(FREE_ADDRESS)).find((i) => i >= 0)
  if (free === undefined) return undefined
  const isThree = rows.some(({ cells }) => [0, 1, 2].every((n) => FREE_ADDRESS.test(cells[free + n] ?? '')))
  return layoutAround(isThree ? [free, free + 1, free + 2] : [free])
}

function layoutAround(address: readonly number[]): Layout {
  const [first = 0] = address
  const last = address.at(-1) ?? 0
  const columns = new Map<Column, number>()
  if (first === 0) columns.set('name', last + 1)
  else {
    const names: readonly Column[] = first >= 3 ? ['main', 'middle', 'sub'] : first === 2 ? ['main', 'sub'] : ['name']
    names.forEach((name, i) => {
      columns.set(name, i)
    })
    AFTER_ADDRESS.forEach((column, i) => {
      columns.set(column, last + 1 + i)
    })
  }
  return { columns, address }
}

/** `1/2/-` for a range; `undefined` where there is none. */
function addressText({ address }: Layout, cells: readonly string[]): string | undefined {
  const parts = address.map((i) => cells[i] ?? '')
  if (parts.length === 1) return parts[0] === '' ? undefined : parts[0]
  return parts[0] === '' ? undefined : parts.map((part) => part || '-').join('/')
}

function isYes(cell: string): boolean {
  return /^(x|1|true|yes|ja|oui)$/i.test(cell)
}
