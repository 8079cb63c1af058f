import { describe, expect, test } from 'vitest'
import { renderConfigError } from '../../../supervisor/config/config-error.ts'
import { compareGroups } from '../../../supervisor/config/diff.ts'
import { programOptions } from '../../../supervisor/config/program-options.ts'
import { renderOptionsReference } from '../../../supervisor/config/reference.ts'
import { configErrorOf, configOf, rootFile } from '../../support/config.ts'

const X = '[program:x]\ncommand=/bin/cat\n'
const Y = '[program:y]\ncommand=/bin/cat\n'
const E = '[eventlistener:e]\ncommand=/bin/cat\nevents=TICK_5\n'
const F = '[fcgi-program:f]\ncommand=/bin/cat\nsocket=unix:///tmp/s\n'
const defaults = (...lines: readonly string[]): string => `[program-defaults]\n${lines.join('\n')}\n`

const processesOf = (text: string) =>
  Object.fromEntries(
    configOf(text).groups.flatMap(({ processes }) => processes.map(process => [process.name, process])),
  )

describe('what a program does not say itself', () => {
  test('is what [program-defaults] says, wherever that stands', () => {
    const text = defaults('startsecs=7', 'exitcodes=0,3')
    for (const whole of [text + X, X + text]) {
      expect(processesOf(whole).x).toMatchObject({ startsecs: 7, exitcodes: [0, 3], startretries: 3 })
    }
  })

  test('what it says itself counts, an environment as a whole', () => {
    const { x } = processesOf(
      `${defaults('startsecs=7', 'environment=A="1",B="2"')}${X}startsecs=2\nenvironment=A="3"\n`,
    )
    expect(x).toMatchObject({ startsecs: 2, environment: { A: '3' } })
  })

  test('the command and the number of processes, too', () => {
    const lines = ['command=/bin/%(program_name)s', 'numprocs=2', 'process_name=%(program_name)s%(process_num)d']
    const { x0, x1 } = processesOf(`${defaults(...lines)}[program:x]\n`)
    expect([x0!.command, x1!.command]).toEqual(['/bin/x', '/bin/x'])
  })

  test('[DEFAULT], which is there for all sections, comes after it', () => {
    const { x } = processesOf(`[DEFAULT]\nstartsecs=1\nstartretries=9\n${defaults('startsecs=7')}${X}`)
    expect(x).toMatchObject({ startsecs: 7, startretries: 9 })
  })

  test('values are expanded for each program', () => {
    const line = 'environment=NAME="%(group_name)s:%(program_name)s_%(process_num)d",C="%(ENV_COLOUR)s",D="%(here)s"'
    const { x, y } = processesOf(`${defaults(line)}${X}${Y}[group:g]\nprograms=y\n`)
    expect(x!.environment).toEqual({ NAME: 'x:x_0', C: 'green', D: '/home/lab' })
    expect(y!.environment).toEqual({ NAME: 'g:y_0', C: 'green', D: '/home/lab' })
  })

  test('%(here)s is where it is written, as everywhere', () => {
    const { groups } = configOf('[supervisord]\n[include]\nfiles=conf.d/*.conf\n', {
      files: { 'conf.d/a.conf': defaults('directory=%(here)s'), 'conf.d/b.conf': X },
    })
    expect(groups[0]!.processes[0]!.directory).toBe('/home/lab/conf.d')
  })

  test('a fcgi-program has it as well', () => {
    expect(processesOf(`${defaults('startsecs=7', 'redirect_stderr=true')}${F}`).f).toMatchObject({
      startsecs: 7,
      redirect_stderr: true,
    })
  })

  test('a listener has it, but for what would take its priority or its stdout', () => {
    const [group] = configOf(`${defaults('startsecs=7', 'priority=5', 'redirect_stderr=true')}${E}`).groups
    expect(group!.priority).toBe(-1)
    expect(group!.processes[0]).toMatchObject({ startsecs: 7, priority: 999, redirect_stderr: false })
  })

  test('nothing else inherits from it', () => {
    const { daemon, groups } = configOf(`${defaults('priority=5', 'user=nobody')}[group:g]\nprograms=x\n${X}`)
    expect([daemon.user, groups[0]!.priority, groups[0]!.processes[0]!.priority]).toEqual([null, 999, 5])
  })
})

describe('errors', () => {
  test('name the place that has to be mended, and the program', () => {
    const error = configErrorOf(`[supervisord]\n${defaults('startsecs=soon')}${X}`)
    expect(error.message).toBe(
      `invalid literal for int() with base 10: 'soon' in section 'program:x' (file: '${rootFile}')`,
    )
    expect(renderConfigError(error)).toBe(
      `  at ${rootFile}:3: [program-defaults] startsecs=soon — write a whole number, e.g. startsecs=10`,
    )
  })

  test.each([
    ['process_name=a:b', X],
    ['command=%(no)s', '[program:x]\n'],
    ['numprocs=2', X],
  ])('%s', (line, program) => {
    expect(configErrorOf(`${defaults(line)}${program}`)).toMatchObject({ section: 'program-defaults', line: 3 })
  })

  test('what is no option of a program is told once, and has no effect', () => {
    const { warnings, groups } = configOf(defaults('autostrat=no', 'events=TICK_5', 'startsecs=7') + X + Y + E)
    expect(warnings).toEqual(
      ['autostrat', 'events'].map(
        (option, at) =>
          `For [program-defaults], ${option} is no option of a program and has no effect (file: '${rootFile}', line: ${at + 3})`,
      ),
    )
    expect(groups).toHaveLength(3)
  })
})

test('another default is a change of those who have it', () => {
  const groups = (seconds: number) => configOf(`${defaults(`startsecs=${seconds}`)}${X}${Y}startsecs=3\n`).groups
  expect(compareGroups(groups(1), groups(2))).toEqual({ added: [], changed: ['x'], removed: [] })
})

test('OPTIONS.md says what listeners do not inherit, by names that exist', () => {
  const [, listed] =
    /## \[program-defaults\][^#]*Listeners do not inherit\s([^.]*)\./.exec(renderOptionsReference()) ?? []
  const names = [...listed!.matchAll(/`(\w+)`/g)].map(([, name]) => name!)
  expect(names).toEqual(['priority', 'redirect_stderr'])
  for (const name of names) expect(programOptions).toHaveProperty(name)
})
