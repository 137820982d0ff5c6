import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../common/errors.ts'
import { readMapping } from './mapping-file.ts'

const problemsOf = (text: string, path = 'mapping.yaml'): readonly string[] => {
  try {
    readMapping(path, () => text)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

const GOOD = `
rooms:
  plug-1: kitchen
rules:
  - name: plugs
    topic: tele/<deviceId>/SENSOR
    readings:
      - kind: temperature
        value: /AM2301/Temperature
`

test('YAML is read, and JSON as well', () => {
  const mapping = readMapping('m.yaml', () => GOOD)
  expect(mapping.filters).toContain('tele/+/SENSOR')
  expect(mapping.roomOf('plug-1')).toBe('kitchen')
  const json = JSON.stringify({ rules: [{ topic: 'x/<deviceId>', ignore: true }] })
  expect(readMapping('m.json', () => json).filters).toContain('x/+')
})

test('no file is the built-in mapping', () => {
  expect(readMapping(undefined).filters).toEqual(['building/+/+/+', 'sensors/+'])
})

describe('what is wrong is told with its line', () => {
  test.each([
    [
      GOOD.replace('/AM2301/Temperature', 'AM2301'),
      ['mapping.yaml:9: rule 1 (plugs) reading 1 has the value "AM2301"'],
    ],
    [
      GOOD.replace('kind: temperature', 'kind: warmth'),
      ['mapping.yaml:8: rule 1 (plugs) reading 1 has the kind "warmth"'],
    ],
    [
      GOOD.replace('    topic', '    topik'),
      ['mapping.yaml:6: rule 1 (plugs) has an unknown field "topik"', 'mapping.yaml:5: rule 1 (plugs) has no topic'],
    ],
    [
      GOOD.replace('rooms:', 'room:'),
      [
        'mapping.yaml:2: the mapping has an unknown field "room"',
        'mapping.yaml:5: rule 1 (plugs) does not tell the roomId',
      ],
    ],
    [`${GOOD}  - topic: tele/+/SENSOR\n    ignore: true\n`, ['mapping.yaml:10: rule 2 never matches: rule 1 (plugs)']],
    ['', ['mapping.yaml:1: must have a list of rules']],
    [GOOD.replace('rules:', 'rules'), ['the MQTT mapping mapping.yaml cannot be read: ']],
    ['{"rules": [', ['the MQTT mapping mapping.yaml cannot be read: ']],
    ['a: &a [1]\nb: [*a,*a', ['cannot be read']],
  ])('%#', (text, expected) => {
    const problems = problemsOf(text)
    expect(problems).toHaveLength(expected.length)
    expected.forEach((start, i) => {
      expect(problems[i]).toContain(start)
      expect(problems[i]).not.toContain('\n')
    })
  })

  test('a mistake in the YAML itself too', () => {
    expect(problemsOf(GOOD.replace('    topic', '   topic'))[0]).toMatch(/line \d+, column \d+/)
  })

  test('a file that is not there is named', () => {
    expect(() => readMapping('/nowhere/mapping.yaml')).toThrow('/nowhere/mapping.yaml')
  })

  test('aliases that would grow without end are refused', () => {
    const bomb = [
      'a: &a [x, x]',
      ...'bcdefghijklmnop'
        .split('')
        .map((name, i) => `${name}: &${name} [*${'abcdefghijklmno'[i]}, *${'abcdefghijklmno'[i]}]`),
    ].join('\n')
    expect(problemsOf(bomb)[0]).toContain('cannot be read')
  })
})
