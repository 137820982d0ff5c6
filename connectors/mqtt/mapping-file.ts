import { readFileSync } from 'node:fs'
import { asError, ConfigError } from '../../common/errors.ts'
import { type LinedYaml, parseYamlWithLines } from '../../common/yaml.ts'
import { TopicMapping } from './mapping.ts'

/** The mapping of a YAML or JSON file; without a path, Brook's own two forms. @throws {ConfigError} with every problem and its line. */
export function readMapping(
  path: string | undefined,
  readFile = (name: string) => readFileSync(name, 'utf8'),
): TopicMapping {
  if (path === undefined) return new TopicMapping()
  let document: LinedYaml
  try {
    document = parseYamlWithLines(readFile(path))
  } catch (error) {
    throw new ConfigError([`the MQTT mapping ${path} cannot be read: ${asError(error).message}`])
  }
  return new TopicMapping(document.value, { path, lineOf: document.lineOf })
}
