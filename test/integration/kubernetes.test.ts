import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { loadBuildingSettings } from '../../bin/settings.ts'
import type { RouteContext } from '../../http/routes/context.ts'
import { healthRoutes } from '../../http/routes/health.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const FOLDER = join(ROOT, 'deploy', 'kubernetes')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string }
}
interface EnvVariable {
  readonly name: string
  readonly value?: string
  readonly valueFrom?: object
}
interface Container {
  readonly image: string
  readonly args: readonly string[]
  readonly env: readonly EnvVariable[]
  readonly envFrom: readonly { readonly configMapRef: { readonly name: string } }[]
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[]
  readonly livenessProbe: Probe
  readonly readinessProbe: Probe
  readonly resources: { readonly requests: Record<string, string>; readonly limits: Record<string, string> }
  readonly securityContext: Record<string, unknown>
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[]
}
interface Pod {
  readonly containers: readonly [Container]
  readonly securityContext: Record<string, unknown>
  readonly terminationGracePeriodSeconds: number
  readonly automountServiceAccountToken: boolean
  readonly volumes: readonly {
    readonly name: string
    readonly secret?: { readonly items: readonly { readonly key: string; readonly path: string }[] }
  }[]
}
interface Selector {
  readonly matchLabels?: Record<string, string>
}
interface Manifest {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly labels?: Record<string, string> }
  readonly data?: Record<string, string>
  readonly spec: {
    readonly replicas: number
    readonly serviceName: string
    readonly clusterIP?: string
    readonly selector: Selector & Record<string, string>
    readonly ports: readonly { readonly port: number; readonly targetPort: string }[]
    readonly template: { readonly metadata: { readonly labels: Record<string, string> }; readonly spec: Pod }
    readonly volumeClaimTemplates: readonly { readonly metadata: { readonly name: string } }[]
    readonly maxUnavailable?: number
  }
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml')
const manifests = files.flatMap((name) =>
  parseAllDocuments(readFileSync(join(FOLDER, name), 'utf8')).map((document) => {
    expect(document.errors, name).toEqual([])
    return document.toJS() as Manifest
  }),
)
const ofKind = (kind: string) => manifests.filter((manifest) => manifest.kind === kind)
const sets = ofKind('StatefulSet').map((set) => [set.metadata.name, set] as const)
const containerOf = (set: Manifest): Container => set.spec.template.spec.containers[0]
const shared = ofKind('ConfigMap')[0]?.data ?? {}

/** As Kubernetes puts it together; what is read off the pod stands for itself. */
function environmentOf(set: Manifest): Record<string, string> {
  const own = Object.fromEntries(containerOf(set).env.map(({ name, value }) => [name, value ?? name.toLowerCase()]))
  const expand = (text: string): string => text.replaceAll(/\$\((\w+)\)/g, (_, name: string) => own[name] ?? '')
  return { ...shared, ...Object.fromEntries(Object.entries(own).map(([name, value]) => [name, expand(value)])) }
}

describe('deploy/kubernetes', () => {
  test('the kustomization has every file, those of other buses as a comment', () => {
    const text = readFileSync(join(FOLDER, 'kustomization.yaml'), 'utf8')
    const { resources, images } = parse(text) as { resources: string[]; images: { name: string; newTag: string }[] }
    for (const file of resources) expect(files).toContain(file)
    for (const file of files) expect(text).toContain(`- ${file}`)
    const { version } = JSON.parse(read('package.json')) as { version: string }
    expect(images).toEqual([{ name: 'brook', newTag: version }])
    for (const [, set] of sets) expect(containerOf(set).image).toBe('brook')
  })

  test('has the building and a connector for each bus', () => {
    expect(sets.map(([name]) => name).sort()).toEqual([
      'building',
      'connector-knx',
      'connector-mqtt',
      'connector-zwave',
    ])
  })

  test.each(sets)('%s runs a program of the image as a user without rights', (_, set) => {
    const { args, securityContext, image } = containerOf(set)
    const program = args[1] as string
    expect(args[0]).toBe('node')
    expect(image).toBe('brook')
    expect(existsSync(join(ROOT, program)), program).toBe(true)
    const pod = set.spec.template.spec
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, fsGroup: 1000 })
    expect(pod.automountServiceAccountToken).toBe(false)
    expect(securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
  })

  test.each(sets)('%s is probed at routes that need no token, on the port that is set', (_, set) => {
    const open = healthRoutes({ readiness: [], isStopping: () => false } as unknown as RouteContext)
      .filter(({ isOpen }) => isOpen)
      .map(({ path }) => path)
    const { livenessProbe, readinessProbe, ports } = containerOf(set)
    expect([livenessProbe.httpGet.path, readinessProbe.httpGet.path]).toEqual(['/livez', '/readyz'])
    for (const { httpGet } of [livenessProbe, readinessProbe]) {
      expect(open).toContain(httpGet.path)
      expect(httpGet.port).toBe('http')
    }
    expect(ports).toEqual([{ name: 'http', containerPort: Number(environmentOf(set)['BROOK_HTTP_PORT']) }])
  })

  test.each(sets)('%s is given settings that its program accepts', (_, set) => {
    const readable: string[] = []
    const { settings, warnings } = loadBuildingSettings([], environmentOf(set), (path) => {
      readable.push(path)
      return 'a-secret-of-some-length'
    })
    expect(warnings).toEqual([])
    expect(settings.kafkaBrokers).toBeDefined()
    const { volumeMounts } = containerOf(set)
    const secrets = volumeMounts.find(({ name }) => name === 'secrets')
    const items = set.spec.template.spec.volumes.find(({ name }) => name === 'secrets')?.secret?.items ?? []
    expect(secrets?.readOnly).toBe(true)
    expect(readable.sort()).toEqual(items.map(({ path }) => `${secrets?.mountPath}/${path}`).sort())
  })

  test('secrets are those that make-secrets.sh makes and the kustomization tells to create', () => {
    const made = /for name in ([\w ]+);/.exec(read('deploy/make-secrets.sh'))?.[1]?.split(' ') ?? []
    const created = [
      ...readFileSync(join(FOLDER, 'kustomization.yaml'), 'utf8').matchAll(
        /--from-file=(\w+)=deploy\/secrets\/(\w+)\.txt/g,
      ),
    ]
    const used = sets.flatMap(([, set]) =>
      set.spec.template.spec.volumes.flatMap(({ secret }) => (secret?.items ?? []).map(({ key }) => key)),
    )
    for (const [, key, file] of created) expect(key).toBe(file)
    for (const key of used) {
      expect(made).toContain(key)
      expect(created.map(([, name]) => name)).toContain(key)
    }
    expect(JSON.stringify(shared)).not.toMatch(/PASSWORD":|TOKEN":/)
  })

  test.each(sets)('%s has a volume for its data, and memory for its heap', (_, set) => {
    const { volumeMounts, resources } = containerOf(set)
    expect(set.spec.volumeClaimTemplates.map(({ metadata }) => metadata.name)).toEqual(['data'])
    expect(volumeMounts).toContainEqual({ name: 'data', mountPath: '/data' })
    const mebibytes = (text: string | undefined): number =>
      Number.parseInt(text ?? '', 10) * (text?.endsWith('Gi') ? 1024 : 1)
    const heap = Number(/--max-old-space-size=(\d+)/.exec(environmentOf(set)['NODE_OPTIONS'] ?? '')?.[1])
    expect(heap).toBeLessThan(mebibytes(resources.limits['memory']) * 0.75)
    expect(mebibytes(resources.requests['memory'])).toBeLessThanOrEqual(mebibytes(resources.limits['memory']))
    expect(resources.requests['cpu']).toBeDefined()
  })

  test.each(sets)('%s is given longer to stop than it gives itself', (_, set) => {
    const stopMs = Number(/STOP_MS = ([\d_]+)/.exec(read('bin/program.ts'))?.[1]?.replaceAll('_', ''))
    expect(set.spec.template.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(stopMs)
  })

  test('every service, budget and policy selects pods that are there', () => {
    const labels = sets.map(([, set]) => set.spec.template.metadata.labels)
    const selects = (wanted: Record<string, string>) =>
      labels.some((one) => Object.entries(wanted).every(([name, value]) => one[name] === value))
    for (const { metadata, spec } of ofKind('Service')) {
      expect(selects(spec.selector), metadata.name).toBe(true)
      for (const { targetPort } of spec.ports) expect(targetPort).toBe('http')
    }
    for (const { spec } of ofKind('PodDisruptionBudget')) expect(selects(spec.selector.matchLabels ?? {})).toBe(true)
    for (const [, { spec }] of sets) {
      expect(spec.selector.matchLabels).toEqual(spec.template.metadata.labels)
      const service = ofKind('Service').find(({ metadata }) => metadata.name === spec.serviceName)
      expect(service?.spec.clusterIP).toBe('None')
    }
    const policy = JSON.stringify(ofKind('NetworkPolicy'))
    for (const [name] of sets) expect(policy).toContain(`"${name}"`)
  })

  test('the instances share the rooms: more than one, at most one away, no more than there are partitions, found by their names', () => {
    const building = sets.find(([name]) => name === 'building')?.[1] as Manifest
    expect(building.spec.replicas).toBeGreaterThan(1)
    expect(building.spec.replicas).toBeLessThanOrEqual(Number(shared['BROOK_PARTITIONS']))
    expect(ofKind('PodDisruptionBudget')[0]?.spec.maxUnavailable).toBe(1)
    expect(environmentOf(building)['BROOK_ADVERTISED_URL']).toBe('http://pod_name.building.pod_namespace.svc:8080')
    for (const [name, set] of sets) if (name !== 'building') expect(set.spec.replicas).toBe(1)
  })
})

describe('the image', () => {
  const dockerfile = read('Dockerfile')

  test('is healthy by the script that is in it, runs as a user without rights, and has the command line', () => {
    expect(dockerfile).toMatch(/^HEALTHCHECK .*CMD \["node", "deploy\/healthcheck.mjs"\]$/m)
    expect(dockerfile).toContain('COPY deploy/healthcheck.mjs deploy/healthcheck.mjs')
    expect(dockerfile.lastIndexOf('USER node')).toBeGreaterThan(dockerfile.lastIndexOf('FROM '))
    const target = /ln -s \/app\/(\S+) \/usr\/local\/bin\/brook/.exec(dockerfile)?.[1] as string
    const { bin } = JSON.parse(read('package.json')) as { bin: { brook: string } }
    expect(target).toBe(bin.brook)
    expect(existsSync(join(ROOT, target))).toBe(true)
  })
})
