import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readIniFile } from '../../../supervisor/config/ini-reader.ts'
import { configOf } from '../../support/config.ts'
import { fakeMachine } from '../../support/fake-machine.ts'

const folder = resolve(import.meta.dirname, '../../fixtures/vast-conf')

interface Fact {
  readonly file: string
  readonly section: string
  readonly options: Readonly<Record<string, string>>
}
const facts = (JSON.parse(readFileSync(resolve(folder, 'programs.json'), 'utf8')) as { programs: Fact[] }).programs
const textOf = (file: string): string => readFileSync(resolve(folder, file), 'utf8')

test('the fact table knows every file but the main one', () => {
  const files = readdirSync(folder).filter(name => name.endsWith('.conf') && name !== 'ROOT__supervisord.conf')
  expect(facts.map(({ file }) => file).sort()).toEqual(files.sort())
  expect(files.length).toBeGreaterThanOrEqual(66)
})

describe.each(facts)('$file', ({ file, section, options }) => {
  test('its text says what the fact table says', () => {
    const ini = readIniFile('x.conf', fakeMachine({ files: { 'x.conf': textOf(file) } }))
    const read = ini.sections.get(section)!
    expect(Object.fromEntries([...read.options].map(([key, { value }]) => [key, value]))).toEqual(options)
  })

  test('it loads', () => {
    const users = new Set(['user', 'tomcat'])
    // those images have accounts of their own
    const text = textOf(file).replace(/^user=(\w+)$/m, (line, name) => (users.has(name) ? 'user=lab' : line))
    const { groups } = configOf('', {
      files: { '/home/lab/supervisord.conf': '[supervisord]\n[include]\nfiles=x.conf\n', 'x.conf': text },
      directories: ['/var/log/portal', '/var/log/supervisor', '/var/log'],
      environment: { HOME: '/root', WORKSPACE: '/workspace' },
    })
    const name = section.slice('program:'.length)
    const [process] = groups[0]!.processes
    expect(groups).toHaveLength(1)
    expect(groups[0]).toMatchObject({ name, priority: Number(options.priority ?? 999) })
    expect(process).toMatchObject({
      name,
      command: options.command,
      autostart: options.autostart !== 'false',
      autorestart: options.autorestart,
      startsecs: Number(options.startsecs ?? 1),
      stopwaitsecs: Number(options.stopwaitsecs ?? 10),
      redirect_stderr: options.redirect_stderr === 'true',
      stdout_logfile: options.stdout_logfile,
    })
    if (options.environment?.includes('PROC_NAME')) expect(process!.environment.PROC_NAME).toBe(name)
  })
})

test('ROOT__instance_portal.conf: a full stop and a newline separate two variables', () => {
  const { groups } = configOf(`[supervisord]\n${textOf('ROOT__instance_portal.conf')}`)
  expect(groups[0]!.processes[0]!.environment).toEqual({
    PROC_NAME: 'instance_portal',
    TUNNEL_MANAGER: 'http://localhost:11112',
  })
})

test('ROOT__supervisord.conf: inline comments are no part of the values', () => {
  const config = configOf(textOf('ROOT__supervisord.conf'), {
    directories: ['/var/log/supervisor', '/var/run', '/etc/supervisor/conf.d'],
  })
  expect(config.servers).toEqual([
    {
      kind: 'unix',
      section: 'unix_http_server',
      file: '/var/run/supervisor.sock',
      chmod: 0o700,
      chown: { uid: -1, gid: -1 },
      credentials: null,
    },
  ])
  expect(config.daemon).toMatchObject({
    logfile: '/var/log/supervisor/supervisord.log',
    childlogdir: '/var/log/supervisor',
    pidfile: '/var/run/supervisord.pid',
  })
  expect(config.rpcInterfaces).toEqual(['supervisor'])
  expect(config.warnings).toEqual(['No file matches via include "/etc/supervisor/conf.d/*.conf"'])
})
