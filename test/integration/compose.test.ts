import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, describe as group, test } from 'vitest'
import { parse } from 'yaml'
import { loadBuildingSettings } from '../../bin/settings.ts'
import { KAFKA_VERSION } from '../../scripts/servers/maven.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Service {
  readonly image: string
  readonly build?: string
  readonly command?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly secrets?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly healthcheck?: { readonly test: readonly string[] }
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
}

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8')

/** As compose reads it: `<<` merges, and `${NAME:-default}` without NAME is the default. */
const compose: Compose = parse(read('docker-compose.yml').replaceAll(/(?<!\$)\$\{\w+:-([^}]*)\}/g, '$1'), {
  merge: true,
})
const services = Object.entries(compose.services)
const ours = services.filter(([, { image }]) => image.startsWith('brook:'))
const dockerfile = read('Dockerfile')

group('docker-compose.yml', () => {
  test('has every part of the system, and the topology twice', () => {
    const commands = services.map(([, { command }]) => command?.join(' '))
    for (const bus of ['mqtt', 'knx', 'zwave']) expect(commands).toContain(`node bin/connectors.ts ${bus}`)
    expect(commands.filter((command) => command === 'node bin/building.ts')).toHaveLength(2)
    const images = services.map(([, { image }]) => image.split(':')[0])
    expect(commands).toContain('node bin/connectors.ts influxdb')
    for (const image of ['apache/kafka', 'apicurio/apicurio-registry', 'eclipse-mosquitto', 'mariadb', 'influxdb'])
      expect(images).toContain(image)
  })

  test.each(services)(
    '%s has an image of one version, a health check, and ports on this machine only',
    (_, service) => {
      expect(service.image).toMatch(/^[\w./-]+:\d+\.\d+\.\d+$/)
      expect(service.healthcheck?.test.length).toBeGreaterThan(1)
      for (const port of service.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/)
    },
  )

  test('publishes no port twice', () => {
    const published = services.flatMap(([, { ports }]) => (ports ?? []).map((port) => port.split(':')[1]))
    expect(published).toEqual([...new Set(published)])
  })

  test.each(services)('%s waits for services that are there and healthy', (_, service) => {
    for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(Object.keys(compose.services)).toContain(name)
      expect(condition).toBe('service_healthy')
    }
  })

  test.each(services)('%s mounts files, volumes and secrets that are there', (_, service) => {
    for (const volume of service.volumes ?? []) {
      const source = volume.split(':')[0] as string
      if (source.startsWith('.')) expect(existsSync(join(ROOT, source)), source).toBe(true)
      else expect(Object.keys(compose.volumes)).toContain(source)
    }
    for (const secret of service.secrets ?? []) expect(Object.keys(compose.secrets)).toContain(secret)
    for (const value of Object.values(service.environment ?? {})) {
      const secret = /^\/run\/secrets\/(\w+)$/.exec(value)?.[1]
      if (secret) expect(service.secrets, `${value} is not mounted`).toContain(secret)
    }
  })

  test.each(ours)('%s is given settings that its program accepts', (_, service) => {
    const readFile = (path: string) => {
      expect(path).toMatch(/^\/run\/secrets\//)
      return 'a-secret-of-some-length'
    }
    expect(loadBuildingSettings([], service.environment ?? {}, readFile).warnings).toEqual([])
  })

  test.each(ours)('%s runs a program that is there and in the image', (_, service) => {
    const program = service.command?.[1] as string
    expect(existsSync(join(ROOT, program)), program).toBe(true)
    expect(dockerfile).toContain(`COPY ${program.split('/')[0]} `)
  })

  test('the topology instances and the connectors keep their state apart', () => {
    const volumes = ours.map(([, service]) => service.volumes?.[0])
    expect(new Set(volumes).size).toBe(ours.length)
  })
})

group('change data capture', () => {
  const { connect, mariadb } = compose.services
  const settings = [read('deploy/connect/worker.properties'), read('deploy/connect/directory.json')]

  test('the worker is given all that its settings and the connector take from outside', () => {
    const names = settings.flatMap((text) => [...text.matchAll(/\$\{env:(\w+)\}/g)].map(([, name]) => name as string))
    expect(Object.keys(connect?.environment ?? {})).toEqual(expect.arrayContaining(names))
    const secrets = settings.flatMap((text) =>
      [...text.matchAll(/\$\{secrets:secrets:(\w+)\}/g)].map(([, name]) => name),
    )
    expect(connect?.secrets).toEqual([...new Set(secrets)])
    expect(mariadb?.secrets).toEqual(expect.arrayContaining(secrets))
  })

  test('the image has the Kafka and the plugins that the tests run', () => {
    const image = read(`${connect?.build}/Dockerfile`)
    expect(image).toContain(`FROM apache/kafka:${KAFKA_VERSION}\n`)
    expect(read('scripts/servers/connect-pom.xml')).toContain(`<kafka.version>${KAFKA_VERSION}<`)
    for (const [, sources] of image.matchAll(/^COPY (?!--)(.+) \S+$/gm))
      for (const source of sources?.split(' ') ?? [])
        expect(existsSync(join(ROOT, `${connect?.build}/${source}`))).toBe(true)
  })
})

group('what stands beside it', () => {
  test('make-secrets.sh makes every secret, once, and each of them differs', () => {
    const folder = mkdtempSync(join(tmpdir(), 'brook-secrets-'))
    try {
      const make = () => execFileSync('bash', [join(ROOT, 'deploy/make-secrets.sh'), folder])
      const contents = () => readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'))
      make()
      const expected = Object.values(compose.secrets).map(({ file }) => file.split('/').at(-1))
      expect(readdirSync(folder).sort()).toEqual(expected.sort())
      const first = contents()
      make()
      expect(contents()).toEqual(first)
      expect(new Set(first).size).toBe(expected.length)
      for (const secret of first) expect(secret).toMatch(/^[\w-]{32}$/)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  test('the image has the Node that package.json names, and everything the Dockerfile copies is let through', () => {
    const node: string = JSON.parse(read('package.json')).dependencies.node
    const bases = [...dockerfile.matchAll(/^FROM (\S+)/gm)].map((match) => match[1])
    expect(new Set(bases)).toEqual(new Set([`node:${node}-bookworm-slim`]))
    const letThrough = read('.dockerignore').split('\n')
    for (const [, sources] of dockerfile.matchAll(/^COPY (?!--)(.+) \S+$/gm))
      for (const source of sources?.split(' ') ?? []) {
        expect(letThrough).toContain(`!${source}`)
        expect(existsSync(join(ROOT, source)), source).toBe(true)
      }
  })

  test('the containers run as a user of their own', () => {
    expect(dockerfile).toMatch(/^USER node$/m)
  })
})
