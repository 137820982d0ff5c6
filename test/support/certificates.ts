import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ensureParts } from '../../scripts/servers/apt.ts'
import { lastLines, run } from '../../scripts/servers/run.ts'

export interface CertificatePaths {
  readonly certificate: string
  readonly key: string
}

/** Makes certificates of elliptic curves, valid for a day, in a directory of the test's own. */
export class CertificateAuthority {
  readonly path: string
  readonly #directory: string
  readonly #name: string

  private constructor(directory: string, name: string) {
    this.#directory = directory
    this.#name = name
    this.path = join(directory, `${name}.pem`)
  }

  static async create(directory: string, name: string): Promise<CertificateAuthority> {
    await ensureParts(['openssl'])
    const authority = new CertificateAuthority(directory, name)
    await openssl([
      ...NEW_KEY,
      '-x509',
      '-days',
      '1',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      join(directory, `${name}.key`),
      '-out',
      authority.path,
    ])
    return authority
  }

  /** @param subjects what the certificate is for, such as `IP:127.0.0.1`. */
  async issue(name: string, subjects: string): Promise<CertificatePaths> {
    const [certificate, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((ending) =>
      join(this.#directory, `${name}.${ending}`),
    ) as [string, string, string, string]
    await writeFile(extensions, `subjectAltName=${subjects}\n`)
    await openssl([...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', key, '-out', request])
    const authorityKey = join(this.#directory, `${this.#name}.key`)
    await openssl([
      'x509',
      '-req',
      '-in',
      request,
      '-days',
      '1',
      '-CA',
      this.path,
      '-CAkey',
      authorityKey,
      '-CAcreateserial',
      '-extfile',
      extensions,
      '-out',
      certificate,
    ])
    return { certificate, key }
  }
}

const NEW_KEY = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

async function openssl(args: readonly string[]): Promise<void> {
  const { exitCode, output } = await run('openssl', args)
  if (exitCode !== 0) throw new Error(`openssl ${args[0]} ended with ${exitCode}: ${lastLines(output, 3)}`)
}
