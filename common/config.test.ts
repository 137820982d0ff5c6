import { expect, describe as group, test } from 'vitest'
import { type LoadOptions, loadSettings } from './config.ts'
import { boolean, choice, duration, integer, list, port, text, url } from './config-kinds.ts'
import { describe, helpText, markdownTable, printRedacted } from './config-print.ts'
import { ConfigError } from './errors.ts'

const SPECS = {
  httpPort: port({ env: 'APP_HTTP_PORT', default: 8080, doc: 'Where it listens.' }),
  workers: integer({ env: 'APP_WORKERS', default: 2, min: 1, max: 8, doc: 'Workers.' }),
  level: choice(['low', 'high'], { env: 'APP_LEVEL', default: 'low', doc: 'Level.' }),
  secure: boolean({ env: 'APP_SECURE', default: false, doc: 'TLS.' }),
  interval: duration({ env: 'APP_INTERVAL', default: 100, minMs: 10, doc: 'Interval.' }),
  brokers: list({ env: 'APP_BROKERS', doc: 'Brokers.' }),
  broker: url(['mqtt'], { env: 'APP_BROKER', doc: 'MQTT.' }),
  name: text({ env: 'APP_NAME', doc: 'Name.' }),
  password: text({
    env: 'APP_PASSWORD',
    secret: true,
    doc: 'Password.',
    check: (value) => (value.length < 3 ? `must be longer, got ${value}` : undefined),
  }),
} as const

const FILES: Readonly<Record<string, string>> = {
  'app.yaml': 'httpPort: 1000\nlevel: high\nbrokers: [a:1, b:2]\n',
  'app.json': '{"httpPort": 1001, "secure": true}',
  'empty.yaml': '# nothing\n',
  'typo.yaml': 'htpPort: 1\nhttpPort: 99999\nextra: 1\n',
  'list.yaml': '- 1\n',
  'broken.yaml': 'a: [1\n',
  'secret.txt': 'hunter2\n',
}

const load = (given: Partial<LoadOptions<typeof SPECS>> = {}) =>
  loadSettings(SPECS, {
    env: {},
    configEnv: 'APP_CONFIG',
    readFile: (path) => {
      const content = FILES[path]
      if (content === undefined) throw new Error(`ENOENT: no such file ${path}`)
      return content
    },
    ...given,
  })

const problemsOf = (given: Partial<LoadOptions<typeof SPECS>>): readonly string[] => {
  try {
    load(given)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

group('where a setting comes from', () => {
  test('nothing given leaves the defaults, and undefined where there is none', () => {
    const { settings, sources } = load()
    expect(settings).toMatchObject({ httpPort: 8080, workers: 2, level: 'low', secure: false, interval: 100 })
    expect(settings.password).toBeUndefined()
    expect(sources.httpPort).toBe('default')
  })

  test.each([
    ['a file wins over the default', {}, ['--config', 'app.yaml'], 1000, 'file'],
    ['JSON is read as well', {}, ['--config=app.json'], 1001, 'file'],
    ['the environment wins over the file', { APP_HTTP_PORT: '2000', APP_CONFIG: 'app.yaml' }, [], 2000, 'environment'],
    ['a flag wins over the environment', { APP_HTTP_PORT: '2000' }, ['--http-port', '3000'], 3000, 'flag'],
    ['an empty variable says nothing', { APP_HTTP_PORT: '' }, [], 8080, 'default'],
    ['an empty file says nothing', { APP_CONFIG: 'empty.yaml' }, [], 8080, 'default'],
  ])('%s', (_, env, args, expected, source) => {
    const loaded = load({ env, args })
    expect(loaded.settings.httpPort).toBe(expected)
    expect(loaded.sources.httpPort).toBe(source)
  })

  test('every type is read from texts and from YAML', () => {
    const env = {
      APP_SECURE: 'yes',
      APP_INTERVAL: '2s',
      APP_BROKERS: 'a:1, b:2',
      APP_BROKER: 'mqtt://h',
      APP_LEVEL: 'high',
    }
    const expected = { secure: true, interval: 2000, brokers: ['a:1', 'b:2'], broker: 'mqtt://h', level: 'high' }
    expect(load({ env }).settings).toMatchObject(expected)
    expect(load({ args: ['--config', 'app.yaml'] }).settings.brokers).toEqual(['a:1', 'b:2'])
  })

  test.each([
    ['a variable', { APP_PASSWORD: 'hunter2' }, []],
    ['a variable that names a file', { APP_PASSWORD_FILE: 'secret.txt' }, []],
    ['a flag that names a file', {}, ['--password-file', 'secret.txt']],
  ])('a secret is taken from %s', (_, env, args) => {
    expect(load({ env, args }).settings.password).toBe('hunter2')
  })
})

group('what is wrong', () => {
  test.each([
    [
      'a port that is none',
      { APP_HTTP_PORT: '70000' },
      [],
      'APP_HTTP_PORT must be a whole number between 0 and 65535, got "70000"',
    ],
    ['a number with text', { APP_WORKERS: '3x' }, [], 'APP_WORKERS must be a whole number between 1 and 8, got "3x"'],
    ['an unknown word', {}, ['--level', 'mid'], '--level must be one of low, high, got "mid"'],
    ['neither true nor false', { APP_SECURE: 'perhaps' }, [], 'APP_SECURE must be true or false, got "perhaps"'],
    [
      'a duration without a unit',
      { APP_INTERVAL: '5' },
      [],
      'APP_INTERVAL is not usable: duration "5" is not a duration',
    ],
    ['an empty list', { APP_BROKERS: ' , ' }, [], 'APP_BROKERS must name at least one'],
    [
      'a URL of another kind',
      { APP_BROKER: 'http://a:b@h' },
      [],
      'APP_BROKER must be a URL that begins with mqtt://, got "http://a:***@h"',
    ],
    ['a flag without its value', {}, ['--level'], '--level needs a value'],
    ['an unknown flag', {}, ['--http-prt', '1'], 'unknown flag --http-prt (did you mean --http-port?)'],
    ['an argument that is no flag', {}, ['run'], 'unexpected argument "run"'],
    ['a secret as a flag', {}, ['--password=hunter2'], '--password is a secret'],
    [
      'a secret given twice',
      { APP_PASSWORD: 'abc', APP_PASSWORD_FILE: 'secret.txt' },
      [],
      'APP_PASSWORD and APP_PASSWORD_FILE are both set',
    ],
    [
      'a secret in a file that is not there',
      { APP_PASSWORD_FILE: 'gone' },
      [],
      'APP_PASSWORD_FILE names a file that cannot be read: ENOENT',
    ],
    ['a file that is not there', {}, ['--config', 'gone'], 'the configuration file gone cannot be read: ENOENT'],
    ['a file that is not YAML', {}, ['--config', 'broken.yaml'], 'the configuration file broken.yaml cannot be read'],
    ['a file without names', {}, ['--config', 'list.yaml'], 'list.yaml must hold settings by name'],
  ])('%s is told', (_, env, args, expected) => {
    const problems = problemsOf({ env, args })
    expect(problems[0]).toContain(expected)
  })

  test('a secret that fails its check is not shown', () => {
    expect(problemsOf({ env: { APP_PASSWORD: 'ab' } })).toEqual(['APP_PASSWORD must be longer'])
  })

  test('all problems come at once, of values, names and combinations', () => {
    const problems = problemsOf({
      args: ['--config', 'typo.yaml', '--wrong', '1'],
      env: { APP_WORKERS: '0', APP_LEVEL: 'x' },
      check: ({ name }) => (name === undefined ? ['APP_NAME is required'] : []),
    })
    expect(problems).toHaveLength(7)
    expect(problems).toContain('typo.yaml: unknown setting htpPort (did you mean httpPort?)')
    expect(problems).toContain('typo.yaml: unknown setting extra')
    expect(problems).toContain('httpPort must be a whole number between 0 and 65535, got 99999')
    expect(problems).toContain('APP_NAME is required')
  })

  test('a variable of the family that nobody reads is a warning', () => {
    const env = { APP_HTTP_PROT: '1', APP_OTHER_PROGRAM: '1', APP_PASSWORD_FILE: 'secret.txt' }
    expect(load({ env, envPrefix: 'APP_', foreignEnv: ['APP_OTHER_PROGRAM'] }).warnings).toEqual([
      'nothing reads the environment variable APP_HTTP_PROT (did you mean APP_HTTP_PORT?)',
    ])
  })
})

group('what is shown', () => {
  test('values with where they came from, without secrets and passwords', () => {
    const loaded = load({
      env: { APP_PASSWORD: 'hunter2', APP_BROKER: 'mqtt://ann:hunter2@h' },
      args: ['--workers', '3'],
    })
    const shown = printRedacted(SPECS, loaded)
    expect(shown).toContain('APP_PASSWORD = *** (environment)')
    expect(shown).toContain('APP_BROKER = mqtt://ann:***@h (environment)')
    expect(shown).toContain('APP_WORKERS = 3 (flag)')
    expect(shown).toContain('APP_NAME = (not set) (default)')
    expect(shown).not.toContain('hunter2')
  })

  test('help and documentation name every setting', () => {
    expect(describe(SPECS)).toHaveLength(Object.keys(SPECS).length)
    for (const { env, flag } of describe(SPECS)) {
      expect(helpText(SPECS)).toContain(flag)
      expect(markdownTable(SPECS)).toContain(`\`${env}\``)
    }
    expect(helpText(SPECS)).toContain('--password-file')
  })
})
