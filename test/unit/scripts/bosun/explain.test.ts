import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Env } from '../../../../programs/common/environment-file.ts'
import { readEnvironmentSources } from '../../../../programs/common/environment-sources.ts'
import { parsePortalYaml } from '../../../../programs/common/portal-yaml.ts'
import { type ExplainFacts, type Explanation, explain, renderExplanation } from '../../../../scripts/bosun/explain.ts'

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bosun-explain-'))
  mkdirSync(join(directory, 'w'))
})
afterEach(() => rmSync(directory, { recursive: true }))

interface Machine {
  readonly container?: Env
  readonly supervisord?: Env
  readonly command?: Env
  readonly etc?: string
  readonly dotEnv?: string
}

const environ = (env: Env = {}): string =>
  Object.entries(env)
    .map(([name, value]) => `${name}=${value}\0`)
    .join('')

function given(
  { container, supervisord, command = {}, etc, dotEnv }: Machine,
  more: Partial<ExplainFacts> = {},
): Explanation {
  if (etc !== undefined) writeFileSync(join(directory, 'environment'), etc)
  if (dotEnv !== undefined) writeFileSync(join(directory, 'w/.env'), dotEnv)
  const workspace = { WORKSPACE: join(directory, 'w') }
  const { sources, problems } = readEnvironmentSources({
    env: { ...command, ...workspace },
    readEnviron: pid => environ(pid === 1 ? { ...container, ...workspace } : { ...supervisord, ...workspace }),
    supervisordPid: supervisord === undefined ? undefined : 17,
    environmentFile: join(directory, 'environment'),
  })
  const portalYaml = parsePortalYaml('applications:\n  A:\n    external_port: 1\n    internal_port: 2\n')
  return explain({ sources, problems, launchMode: 'args', isAiDock: false, portalYaml, openFiles: [], ...more })
}

const setting = ({ settings }: Explanation, name: string) => settings.find(each => each.name === name)!
const lines = (problems: Explanation['problems']) =>
  problems.map(({ where, message }) => `${where.replace(directory, '')}: ${message}`)

describe('where a value comes from', () => {
  test('a default, the container, the boot, /etc/environment with its line, .env with its line: the last one counts', () => {
    const machine: Machine = {
      container: { WEB_USERNAME: 'container', ENABLE_AUTH: 'false', AUTH_EXCLUDE: '80' },
      supervisord: { WEB_USERNAME: 'container', ENABLE_AUTH: 'false', AUTH_EXCLUDE: '80', HF_HOME: '/boot' },
      etc: '# marker\nENABLE_AUTH="false"\nAUTH_EXCLUDE="81"\n',
      dotEnv: 'AUTH_EXCLUDE=82\n',
    }
    const found = given(machine)
    const from = (name: string): string => setting(found, name).from.replace(directory, '')
    expect(from('WEB_USERNAME')).toBe("the container's environment")
    expect(from('HF_HOME')).toBe('set at boot')
    expect(from('ENABLE_AUTH')).toBe('/environment:2')
    expect(from('AUTH_EXCLUDE')).toBe('/w/.env:1')
    expect(setting(found, 'AUTH_EXCLUDE').value).toBe('82')
    expect(from('MAX_RETRY')).toBe('default')
    expect(lines(found.ignored)).toEqual([
      `the container's environment: AUTH_EXCLUDE: does not count: ${directory}/w/.env:1 says otherwise`,
      `/environment:3: AUTH_EXCLUDE: does not count: ${directory}/w/.env:1 says otherwise`,
    ])
  })

  test('without a supervisord, and to whoever may not look, the environment of the command counts', () => {
    expect(setting(given({ command: { WEB_USERNAME: 'me' } }), 'WEB_USERNAME')).toMatchObject({
      value: 'me',
      from: 'the environment of this command',
    })
  })

  test('another name for it is told, with whose it is', () => {
    expect(setting(given({ command: { WEB_USER: 'joe' } }), 'WEB_USERNAME')).toMatchObject({
      value: 'joe',
      variable: 'WEB_USER',
      profile: 'ai-dock',
    })
  })

  test('of names with a star each one that is set', () => {
    const found = given({ command: { VAST_TCP_PORT_80: '40080', VAST_TCP_PORT_81: '40081' } })
    expect(
      found.settings.filter(({ name }) => name.startsWith('VAST_TCP')).map(({ name, value }) => [name, value]),
    ).toEqual([
      ['VAST_TCP_PORT_80', '40080'],
      ['VAST_TCP_PORT_81', '40081'],
    ])
  })
})

describe('what is wrong', () => {
  test('bad values, misspelt names, what only a shell can read, PORTAL_CONFIG and portal.yaml, each with its place', () => {
    const found = given(
      {
        command: { WEB_PASWORD: 'x', MAX_RETRY: 'soon' },
        etc: 'ENABLE_AUTH=flase\nA=$(id)\n',
        dotEnv: '\n\nPORTAL_CONFIG="localhost:1:2:/:A|bad"\n',
      },
      { portalYaml: parsePortalYaml('applications:\n  A: 1\n') },
    )
    expect(lines(found.ignored)).toEqual(['the environment of this command: WEB_PASWORD: is not known, and ignored'])
    expect(lines(found.problems)).toEqual([
      '/environment:2: A: only a shell can work out $(…',
      'the environment of this command: MAX_RETRY: soon: is no whole number from 1 on',
      '/environment:1: ENABLE_AUTH: flase: is neither true nor false, and counts as true',
      '/etc/portal.yaml:2: A: is no mapping; it is left out',
      '/w/.env:3: PORTAL_CONFIG, entry 2: has 1 of 5 fields, and is left out: bad',
    ])
  })

  test('secrets in a file that everybody can read', () => {
    const path = join(directory, 'w/.env')
    const found = given({ dotEnv: 'HF_TOKEN=hf_secret\nA=1\n' }, { openFiles: [path] })
    expect(found.problems).toEqual([
      { where: path, message: 'every account can read it, and it holds HF_TOKEN', fix: `chmod o-r ${path}` },
    ])
  })
})

test('no secret is shown, in whatever it turns up', () => {
  const secrets = ['hf_0123456', 'p@ss"word', 'tok-en-1', 'url-secret', 'turn-password']
  const machine: Machine = {
    container: { HF_TOKEN: secrets[0]!, WEB_PASSWORD: secrets[1]!, MY_API_KEY: secrets[2]! },
    command: {
      ...{ HF_TOKEN: secrets[0]!, WEB_PASSWORD: secrets[1]!, MY_API_KEY: secrets[2]!, TURN_PASSWORD: secrets[4]! },
      ...{ PROVISIONING_SCRIPT: `https://u:${secrets[3]}@host/?token=${secrets[0]}`, VLLM_ARGS: `--key ${secrets[2]}` },
      ...{ AUTH_EXCLUDE: secrets[2]!, PORTAL_CONFIG: `localhost:${secrets[0]}:1:/:A`, WEB_PASWORD: secrets[1]! },
    },
    dotEnv: `WEB_PASSWORD='other-${secrets[2]}'\n`,
  }
  const found = given(machine, { openFiles: [join(directory, 'w/.env')] })
  expect(setting(found, 'HF_TOKEN')).toMatchObject({ value: '***', secret: true })
  const all =
    JSON.stringify(found) +
    renderExplanation(found, found.settings, true) +
    renderExplanation(found, found.settings, false)
  for (const secret of secrets) expect(all).not.toContain(secret)
})

test('for people: the mode, a line for each setting, and what is wrong', () => {
  const found = given({ command: { WEB_USER: 'joe', MAX_RETRY: 'x' } })
  const shown = found.settings.filter(({ from, name }) => from !== 'default' && name !== 'WORKSPACE')
  expect(renderExplanation(found, shown, false)).toBe(`launch mode args, profile vast, applications 1

WEB_USERNAME  joe  the environment of this command, as WEB_USER (ai-dock)
${found.settings.length - 1} more have their defaults: bosun explain --all

problems
  the environment of this command: MAX_RETRY: x: is no whole number from 1 on (write a number, such as 1)
`)
})
