import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { type Setting, show } from './config-kinds.ts'
import { asError, ConfigError } from './errors.ts'
import { parseYaml } from './yaml.ts'

/** Settings by their name in the program, which is also their name in a file: `httpPort`. */
export type SettingSpecs = Readonly<Record<string, Setting<unknown>>>

export type SettingsOf<S extends SettingSpecs> = { readonly [N in keyof S]: S[N] extends Setting<infer T> ? T : never }

export type SettingSource = 'default' | 'file' | 'environment' | 'flag'

export interface LoadedSettings<S extends SettingSpecs> {
  readonly settings: SettingsOf<S>
  readonly sources: Readonly<Record<keyof S, SettingSource>>
  /** What is not wrong but likely not meant, such as an environment variable that nobody reads. */
  readonly warnings: readonly string[]
}

export interface LoadOptions<S extends SettingSpecs> {
  readonly env: Readonly<Record<string, string | undefined>>
  /** The command line after the program. `--config <file>` names the file; so does the environment variable `configEnv`. */
  readonly args?: readonly string[]
  readonly configEnv?: string
  /** Problems that concern several settings; told the defaults for those that have a problem of their own. */
  readonly check?: (settings: SettingsOf<S>) => readonly string[]
  /** Environment variables that begin with this and that no setting has give a warning. */
  readonly envPrefix?: string
  /** Those that other programs read. */
  readonly foreignEnv?: readonly string[]
  readonly readFile?: (path: string) => string
}

interface Given {
  readonly raw: unknown
  readonly source: SettingSource
  /** How the user named it, for messages. */
  readonly as: string
  /** `raw` is the path of a file that holds the value. */
  readonly isPath: boolean
}

/**
 * Reads settings from defaults, a YAML or JSON file, the environment and the command line; the later wins. A secret is taken
 * from its variable, from the file, or from a file that `…_FILE` names, never from a flag. Empty variables count as not set.
 *
 * @throws {ConfigError} with every problem that there is: values, unknown names, unreadable files, combinations.
 */
export function loadSettings<S extends SettingSpecs>(specs: S, options: LoadOptions<S>): LoadedSettings<S> {
  const problems: string[] = []
  const readFile = options.readFile ?? ((path: string) => readFileSync(path, 'utf8'))
  const flags = readFlags(specs, options.args ?? [], problems)
  const configPath = flags.get('config') ?? options.env[options.configEnv ?? 'BROOK_CONFIG']
  const file = configPath ? readConfigFile(configPath, specs, readFile, problems) : new Map<string, unknown>()
  const settings: Record<string, unknown> = {}
  const sources: Record<string, SettingSource> = {}
  for (const [name, spec] of Object.entries(specs)) {
    settings[name] = spec.default
    sources[name] = 'default'
    const given = strongest(name, spec, file, options.env, flags, problems)
    if (!given) continue
    sources[name] = given.source
    const value = readValue(given, spec, readFile, problems)
    if (value) settings[name] = value.value
  }
  problems.push(...(options.check?.(settings as SettingsOf<S>) ?? []))
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    settings: settings as SettingsOf<S>,
    sources: sources as Record<keyof S, SettingSource>,
    warnings: unknownVariables(specs, options),
  }
}

/** `httpPort` → `http-port` */
export function flagName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function strongest(
  name: string,
  spec: Setting<unknown>,
  file: ReadonlyMap<string, unknown>,
  env: LoadOptions<SettingSpecs>['env'],
  flags: ReadonlyMap<string, string>,
  problems: string[],
): Given | undefined {
  const flag = flagName(name)
  const levels: readonly (readonly [SettingSource, string, unknown, string, unknown])[] = [
    ['flag', `--${flag}`, flags.get(flag), `--${flag}-file`, flags.get(`${flag}-file`)],
    ['environment', spec.env, env[spec.env] || undefined, `${spec.env}_FILE`, env[`${spec.env}_FILE`] || undefined],
    ['file', name, file.get(name), `${name}File`, file.get(`${name}File`)],
  ]
  for (const [source, as, raw, asPath, path] of levels) {
    const hasPath = spec.fromFile && path !== undefined
    if (raw !== undefined && hasPath) problems.push(`${as} and ${asPath} are both set: keep one of them`)
    if (hasPath) return { raw: path, source, as: asPath, isPath: true }
    if (raw !== undefined) return { raw, source, as, isPath: false }
  }
}

function readValue(
  given: Given,
  spec: Setting<unknown>,
  readFile: (path: string) => string,
  problems: string[],
): { value: unknown } | undefined {
  let raw = given.raw
  if (given.isPath) {
    try {
      raw = readFile(String(raw)).replace(/\r?\n$/, '')
    } catch (error) {
      problems.push(`${given.as} names a file that cannot be read: ${asError(error).message}`)
      return undefined
    }
  }
  const parsed = spec.parse(raw)
  if ('value' in parsed) return parsed
  problems.push(`${given.as} ${spec.secret ? withoutValue(parsed.problem) : parsed.problem}`)
  return undefined
}

function withoutValue(problem: string): string {
  return problem.replace(/, got .*$/s, '')
}

function readConfigFile(
  path: string,
  specs: SettingSpecs,
  readFile: (path: string) => string,
  problems: string[],
): ReadonlyMap<string, unknown> {
  try {
    const content: unknown = parseYaml(readFile(path))
    if (content === null) return new Map()
    if (typeof content !== 'object' || Array.isArray(content)) {
      problems.push(`${path} must hold settings by name, such as httpPort: 8080`)
      return new Map()
    }
    const names = Object.entries(specs).flatMap(([name, { fromFile }]) => (fromFile ? [name, `${name}File`] : [name]))
    const entries = Object.entries(content)
    for (const [name] of entries)
      if (!names.includes(name)) problems.push(`${path}: unknown setting ${name}${suggestion(name, names)}`)
    // A key without a value is null in YAML and says nothing.
    return new Map(entries.filter(([name, value]) => names.includes(name) && value !== null))
  } catch (error) {
    problems.push(`the configuration file ${path} cannot be read: ${asError(error).message.split('\n')[0]}`)
    return new Map()
  }
}

function readFlags(specs: SettingSpecs, args: readonly string[], problems: string[]): ReadonlyMap<string, string> {
  const known = new Map<string, { readonly type: 'string' | 'boolean' }>([['config', { type: 'string' }]])
  for (const [name, spec] of Object.entries(specs)) {
    known.set(flagName(name), { type: 'string' })
    if (spec.fromFile) known.set(`${flagName(name)}-file`, { type: 'string' })
  }
  const secrets = new Set(Object.entries(specs).flatMap(([name, { secret }]) => (secret ? [flagName(name)] : [])))
  const flags = new Map<string, string>()
  const { tokens } = parseArgs({ args: [...args], options: Object.fromEntries(known), strict: false, tokens: true })
  let unknownFlagAt = -2
  for (const token of tokens) {
    // What follows an unknown flag is likely its value: one slip is one problem.
    if (token.kind === 'positional' && token.index !== unknownFlagAt + 1)
      problems.push(`unexpected argument ${show(token.value)}`)
    if (token.kind !== 'option') continue
    if (!known.has(token.name)) {
      unknownFlagAt = token.index
      problems.push(`unknown flag ${token.rawName}${suggestion(token.name, [...known.keys()], '--')}`)
    } else if (secrets.has(token.name))
      problems.push(
        `--${token.name} is a secret, which others could read off the command line: use --${token.name}-file`,
      )
    else if (token.value === undefined) problems.push(`--${token.name} needs a value`)
    else flags.set(token.name, token.value)
  }
  return flags
}

function unknownVariables<S extends SettingSpecs>(specs: S, options: LoadOptions<S>): string[] {
  const { envPrefix } = options
  if (envPrefix === undefined) return []
  const known = new Set<string>([options.configEnv ?? 'BROOK_CONFIG', ...(options.foreignEnv ?? [])])
  for (const spec of Object.values(specs)) {
    known.add(spec.env)
    if (spec.fromFile) known.add(`${spec.env}_FILE`)
  }
  return Object.keys(options.env)
    .filter((name) => name.startsWith(envPrefix) && !known.has(name))
    .map((name) => `nothing reads the environment variable ${name}${suggestion(name, [...known])}`)
}

function suggestion(name: string, candidates: readonly string[], prefix = ''): string {
  const near = candidates.find((candidate) => distance(name.toLowerCase(), candidate.toLowerCase()) <= 2)
  return near === undefined ? '' : ` (did you mean ${prefix}${near}?)`
}

/** How many letters have to be put in, left out or changed. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}
