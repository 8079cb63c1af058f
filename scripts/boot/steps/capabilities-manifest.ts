/**
 * What software agents find on an instance: /etc/vast_capabilities.json, which says what is known without asking running
 * programs, a guide made of /etc/vast_agents, and a line in the banner of SSH. Source: contract 2.4 (80), 6.6
 */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { writeFileAtomically } from '../../../programs/common/atomic-file.ts'
import { effectiveEnvironment } from '../../../programs/common/environment-file.ts'
import { paths } from '../../../programs/common/paths.ts'
import { type Application, parsePortalConfig } from '../../../programs/common/portal-config.ts'
import { readSettings } from '../../../programs/common/settings.ts'
import { type Env, failed, ok, type StepOutcome, type StepTools } from '../step.ts'

const FRAGMENTS = '/etc/vast_capabilities.d'
const GUIDES = '/etc/vast_agents'
const BANNER = '/etc/banner'
/** Only that they are there is told. */
const CREDENTIALS = ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'CIVITAI_TOKEN', 'RCLONE_CONFIG']

export async function capabilitiesManifest({ env: booted }: StepTools): Promise<StepOutcome> {
  const env = effectiveEnvironment(booted)
  const fragments = await readFragments()
  const manifest = await describe(env, mergeFragments(fragments.map(({ content }) => content)))
  writeFileAtomically(paths.capabilities, `${JSON.stringify(manifest, null, 2)}\n`)
  const guides = writeGuide(env)
  editBanner(env)
  const broken = fragments.filter(({ problem }) => problem !== '').map(({ problem }) => problem)
  return broken.length > 0 ? failed(broken.join('; ')) : ok(`${fragments.length} fragments, ${guides} guides`)
}

type Json = Readonly<Record<string, unknown>>

interface Fragment {
  readonly content: Json
  readonly problem: string
}

async function readFragments(): Promise<readonly Fragment[]> {
  const names = namesIn(FRAGMENTS).filter(name => name.endsWith('.yaml'))
  if (names.length === 0) return []
  const { parse } = await import('yaml')
  return names.map(name => {
    const path = join(FRAGMENTS, name)
    try {
      const content: unknown = parse(readFileSync(path, 'utf8')) ?? {}
      if (isMapping(content)) return { content, problem: '' }
      return { content: {}, problem: `${path}: is no mapping; it is left out` }
    } catch (error) {
      return { content: {}, problem: `${path}: ${(error as Error).message.split('\n')[0]}` }
    }
  })
}

const isMapping = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

export interface Declared {
  readonly image: Json
  readonly tools: readonly unknown[]
  readonly python_environments: readonly unknown[]
  readonly openai_endpoints: readonly unknown[]
}

/** In the order of their files: lists grow, environments of the same name and keys of the image are replaced. */
export function mergeFragments(fragments: readonly Json[]): Declared {
  const environments = new Map<unknown, unknown>()
  for (const environment of fragments.flatMap(({ python_environments }) => listOf(python_environments)))
    environments.set(isMapping(environment) ? environment.name : environment, environment)
  return {
    image: Object.assign({}, ...fragments.map(({ image }) => (isMapping(image) ? image : {}))),
    tools: fragments.flatMap(({ tools }) => listOf(tools)),
    python_environments: [...environments.values()],
    openai_endpoints: fragments.flatMap(({ openai_endpoints }) => listOf(openai_endpoints)),
  }
}

async function describe(env: Env, declared: Declared): Promise<Json> {
  const { settings } = readSettings(env)
  const applications = await readApplications(env)
  const scheme = settings.ENABLE_HTTPS ? 'https' : 'http'
  return {
    schema_version: 1,
    generated_at: new Date().toISOString(),
    image: declared.image,
    credentials: Object.fromEntries(CREDENTIALS.map(name => [name, Boolean(env[name])])),
    instance: {
      container_id: env.CONTAINER_ID ?? null,
      containerlabel: env.VAST_CONTAINERLABEL ?? null,
      workspace: settings.WORKSPACE,
      workspace_is_volume: isMount(settings.WORKSPACE),
      scheme,
      public_ip: env.PUBLIC_IPADDR ?? null,
      open_ports: openPorts(env),
    },
    hardware: {
      cpus: cpus().length,
      memory_bytes: totalmem(),
      gpus: namesIn('/proc/driver/nvidia/gpus').length,
      cuda_home: env.CUDA_HOME ?? null,
    },
    python_environments: declared.python_environments,
    tools: declared.tools,
    services: applications.map(application => service(application, env, scheme)),
    endpoints_openai: declared.openai_endpoints.filter(
      endpoint => isMapping(endpoint) && applications.some(({ name }) => name === endpoint.service),
    ),
    provisioning: {
      status: provisioningStatus(),
      how_to: 'Set PROVISIONING_SCRIPT, or run `provisioner` with it in the environment.',
      env_conventions: ['PROVISIONING_SCRIPT', 'PROVISIONING_MANIFEST'],
      log_file: `${paths.portalLogs}/provisioning.log`,
    },
    auth: {
      enabled: settings.ENABLE_AUTH,
      methods: ['bearer', 'basic', 'cookie', '?token='],
      username: settings.WEB_USERNAME,
    },
    discovery: { file: paths.capabilities, command: 'vast-capabilities', guide: paths.agentsGuide },
  }
}

/** portal.yaml is made by caddy, perhaps later than this: then of what it will be made. */
async function readApplications(env: Env): Promise<readonly Application[]> {
  const { readPortalYaml } = await import('../../../programs/common/portal-yaml.ts')
  const { applications } = readPortalYaml()
  return applications.length > 0 ? applications : parsePortalConfig(env.PORTAL_CONFIG ?? '').applications
}

function service(application: Application, env: Env, scheme: string): Json {
  const { name, hostname, internal_port, external_port, open_path, extra } = application
  const mapped = env[`VAST_TCP_PORT_${external_port}`]
  const address = env.PUBLIC_IPADDR
  return {
    name,
    hostname,
    internal_port,
    external_port,
    open_path,
    mapped_port: mapped ?? null,
    internal_url: `http://${hostname}:${internal_port}`,
    direct_url: address && mapped ? `${scheme}://${address}:${mapped}${open_path}` : null,
    supervisor_process: extra.program ?? null,
    // of a snapshot; the portal knows better
    state: 'unknown',
  }
}

function openPorts(env: Env): readonly Json[] {
  return Object.entries(env).flatMap(([name, value]) => {
    const [, proto, port] = /^VAST_(TCP|UDP)_PORT_(\d+)$/.exec(name) ?? []
    if (proto === undefined || !/^\d+$/.test(value ?? '')) return []
    const mapped = { proto: proto.toLowerCase(), container_port: Number(port), public_port: Number(value) }
    return Number(port) <= 65535 ? [mapped] : [{ ...mapped, self_mapped: true, bind_port: Number(value) }]
  })
}

function provisioningStatus(): 'none' | 'in_progress' | 'failed' | 'complete' {
  if (existsSync(paths.provisioningFailed)) return 'failed'
  return existsSync(paths.provisioningComplete) ? 'complete' : 'none'
}

function isMount(path: string): boolean {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .some(line => line.split(' ')[4] === path)
  } catch {
    return false
  }
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort()
  } catch {
    return []
  }
}

const FIRST_GUIDES = ['base.md', 'pytorch.md', 'tensorflow.md']

/** From general to special, the rest by name. */
export const orderGuides = (names: readonly string[]): readonly string[] => [
  ...FIRST_GUIDES.filter(name => names.includes(name)),
  ...names.filter(name => !FIRST_GUIDES.includes(name)).sort(),
]

/** One text of all guides, and links to it where agents look; how many there are. */
function writeGuide(env: Env): number {
  const names = orderGuides(namesIn(GUIDES).filter(name => name.endsWith('.md')))
  if (names.length === 0) return 0
  const texts = names.map(name => ({ name, text: readFileSync(join(GUIDES, name), 'utf8').trim() }))
  const titleOf = (text: string, name: string): string => /^#+ *(.+)$/m.exec(text)?.[1] ?? name
  const index = texts.map(({ name, text }) => `- ${titleOf(text, name)}`)
  writeFileAtomically(paths.agentsGuide, `${[...index, '', ...texts.map(({ text }) => `${text}\n`)].join('\n')}`)
  for (const directory of [readSettings(env).settings.WORKSPACE, '/root', '/home/user'])
    for (const name of ['AGENTS.md', 'CLAUDE.md']) linkGuide(join(directory, name))
  return names.length
}

/** Somebody else's file of that name stays. */
function linkGuide(path: string): void {
  try {
    const there = lstatSync(path, { throwIfNoEntry: false })
    if (there?.isSymbolicLink() && readlinkSync(path) !== paths.agentsGuide && !existsSync(path)) rmSync(path)
    else if (there !== undefined) return
    symlinkSync(paths.agentsGuide, path)
  } catch {} // no such home, or one that cannot be written to
}

/** The platform makes the banner; a line of it is ours. */
function editBanner(env: Env): void {
  if (!existsSync(BANNER)) return
  const before = readFileSync(BANNER, 'utf8')
  const others = before
    .split('\n')
    .filter(line => !line.startsWith('AI agents:'))
    .join('\n')
    .replace(/\n*$/, '\n')
  const line = `AI agents: read ${paths.agentsGuide}; vast-capabilities prints what is here\n`
  const after = readSettings(env).settings.ENABLE_AGENT_BANNER ? others + line : others
  if (after !== before) writeFileAtomically(BANNER, after, { keepMode: true })
}
