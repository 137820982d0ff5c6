/** What a route answers with: a status and a JSON body. */
export interface Reply {
  readonly status: number
  readonly body: unknown
}

export function ok(body: unknown): Reply {
  return { status: 200, body }
}

/** The errors of Confluent's registry: code (its first three digits are the HTTP status) and message. */
export class RegistryFault extends Error {
  readonly reply: Reply

  constructor(errorCode: number, message: string) {
    super(message)
    const status = Number(String(errorCode).slice(0, 3))
    this.reply = { status, body: { error_code: errorCode, message } }
  }
}

export const faults = {
  badRequest: (why: string) => new RegistryFault(400, why),
  noRoute: () => new RegistryFault(404, 'HTTP 404 Not Found'),
  wrongMethod: () => new RegistryFault(405, 'HTTP 405 Method Not Allowed'),
  tooLarge: (mostBytes: number) => new RegistryFault(413, `The request body is larger than ${mostBytes} bytes`),
  wrongType: () =>
    new RegistryFault(415, 'The content type must be application/vnd.schemaregistry.v1+json or application/json'),
  noSubject: (subject: string) => new RegistryFault(40401, `Subject '${subject}' not found.`),
  noVersion: (version: string) => new RegistryFault(40402, `Version ${version} not found.`),
  noSchema: (id?: number) => new RegistryFault(40403, id === undefined ? 'Schema not found' : `Schema ${id} not found`),
  subjectDeleted: (subject: string) =>
    new RegistryFault(40404, `Subject '${subject}' was soft deleted. Set permanent=true to delete permanently`),
  subjectNotDeleted: (subject: string) =>
    new RegistryFault(40405, `Subject '${subject}' was not deleted first before being permanently deleted`),
  versionDeleted: (subject: string, version: number) =>
    new RegistryFault(
      40406,
      `Subject '${subject}' Version ${version} was soft deleted. Set permanent=true to delete permanently`,
    ),
  versionNotDeleted: (subject: string, version: number) =>
    new RegistryFault(
      40407,
      `Subject '${subject}' Version ${version} was not deleted first before being permanently deleted`,
    ),
  noOwnLevel: (subject: string) =>
    new RegistryFault(40408, `Subject '${subject}' does not have subject-level compatibility configured`),
  incompatible: (subject: string, differences: readonly string[]) =>
    new RegistryFault(
      409,
      `Schema being registered is incompatible with an earlier schema for subject "${subject}", details: ${differences.join('; ')}`,
    ),
  invalidSchema: (why: string) => new RegistryFault(42201, `Invalid schema: ${why}`),
  invalidVersion: (version: string) =>
    new RegistryFault(
      42202,
      `The specified version '${version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
    ),
  invalidLevel: () =>
    new RegistryFault(
      42203,
      'Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive',
    ),
  internal: () => new RegistryFault(500, 'Internal error; see the log'),
}
