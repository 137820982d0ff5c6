import type { LoadedSettings, SettingSpecs } from './config.ts'
import { flagName } from './config.ts'
import { withoutPassword } from './config-kinds.ts'

/** One setting, for tables in documentation and for `--help`. */
export interface SettingDescription {
  /** In a file. */
  readonly name: string
  readonly env: string
  readonly flag: string
  readonly kind: string
  /** As a user would write it; `undefined` where there is none. */
  readonly default: string | undefined
  readonly doc: string
  readonly secret: boolean
  /** A file that holds the value may be named instead of it. */
  readonly fromFile: boolean
}

export function describe(specs: SettingSpecs): readonly SettingDescription[] {
  return Object.entries(specs).map(([name, spec]) => ({
    name,
    env: spec.env,
    flag: `--${flagName(name)}${spec.secret ? '-file' : ''}`,
    kind: spec.kind,
    default: spec.default === undefined ? undefined : shown(spec.default),
    doc: spec.doc,
    secret: spec.secret,
    fromFile: spec.fromFile,
  }))
}

/** The settings part of `--help`. */
export function helpText(specs: SettingSpecs): string {
  const rows = describe(specs)
  const width = Math.max('--config'.length, ...rows.map(({ flag }) => flag.length))
  const line = (flag: string, sentences: string, env: string) => `  ${flag.padEnd(width)}  ${sentences} [${env}]`
  return [
    line('--config', 'a YAML or JSON file with settings by name, such as httpPort: 8080', 'BROOK_CONFIG'),
    ...rows.map((row) => {
      const defaultText = row.default === undefined ? '' : `; default ${row.default}`
      return line(row.flag, `${row.doc} (${row.kind}${defaultText})`, `${row.env}${row.fromFile ? ' or _FILE' : ''}`)
    }),
  ].join('\n')
}

/** A Markdown table of all settings. */
export function markdownTable(specs: SettingSpecs): string {
  const cell = (textOfCell: string) => textOfCell.replaceAll('|', '\\|')
  const rows = describe(specs).map((row) => {
    const env = row.fromFile ? `\`${row.env}\`, \`${row.env}_FILE\`` : `\`${row.env}\``
    const defaultText = row.default === undefined ? '' : `\`${row.default}\``
    return `| ${[env, `\`${row.flag}\``, `\`${row.name}\``, row.kind, defaultText, row.doc].map(cell).join(' | ')} |`
  })
  return [
    '| environment | flag | file | type | default | what it says |',
    '| --- | --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

/** What is in force and where each value came from; secrets and passwords in URLs are masked. */
export function printRedacted<S extends SettingSpecs>(specs: S, loaded: LoadedSettings<S>): string {
  const values: Readonly<Record<string, unknown>> = loaded.settings
  return Object.entries(specs)
    .map(([name, spec]) => {
      const value = values[name]
      const text = value === undefined ? '(not set)' : spec.secret ? '***' : shown(value)
      return `${spec.env} = ${text} (${loaded.sources[name]})`
    })
    .join('\n')
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(',')
  if (typeof value === 'object' && value !== null && 'host' in value && 'port' in value)
    return `${value.host}:${value.port}`
  return withoutPassword(typeof value === 'object' ? JSON.stringify(value) : String(value))
}
