/** The truth about applications over the real socket: bosun's supervisord, which streams, and Python's, which is asked. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import {
  type ApplicationStatus,
  type ApplicationStatuses,
  openApplicationStatuses,
} from '../../programs/common/application-status.ts'
import { openSupervisorWatch } from '../../programs/common/supervisor-watch.ts'
import { freePort, Lab, PYTHON_SUPERVISORD, SUPERVISORD } from '../support/lab.ts'

const cleanups: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

interface Given {
  readonly lab: Lab
  readonly statuses: ApplicationStatuses
  /** what subscribers were told last, by name */
  readonly told: () => Readonly<Record<string, ApplicationStatus>>
  put(place: string, text: string): void
  remove(place: string): void
}

const entry = (name: string, port: number, more = ''): string =>
  `  ${name}:\n    hostname: localhost\n    external_port: ${port}\n    internal_port: ${port}\n${more}`

const portalYaml = (...entries: readonly string[]): string => `applications:\n${entries.join('')}`

/** `{dir}` in the texts is the directory of the lab. */
async function given(supervisord: string, conf: string, yaml: string, launcher = ''): Promise<Given> {
  const lab = new Lab(conf)
  cleanups.push(() => lab[Symbol.asyncDispose]())
  lab.write('launcher.sh', launcher)
  for (const directory of ['skip', 'gates']) mkdirSync(lab.path(directory))
  lab.write('portal.yaml', yaml)
  await lab.start({ supervisord })
  const watch = openSupervisorWatch(`unix://${lab.path('s.sock')}`)
  cleanups.push(() => watch.close())
  const statuses = openApplicationStatuses({
    watch,
    places: {
      portalYaml: lab.path('portal.yaml'),
      skipMarkers: lab.path('skip'),
      gateVerdicts: lab.path('gates'),
      bootJournal: lab.path('boot.json'),
      provisioning: lab.path('.provisioning'),
      provisioningFailed: lab.path('.provisioning_failed'),
    },
  })
  cleanups.push(() => statuses.close())
  let latest: readonly ApplicationStatus[] = []
  statuses.subscribe(all => {
    latest = all
  })
  return {
    lab,
    statuses,
    told: () => Object.fromEntries(latest.map(status => [status.name, status])),
    put: (place, text) => writeFileSync(lab.path(place), text),
    remove: place => rmSync(lab.path(place)),
  }
}

/** Python's supervisord is asked every 5 s: three ends take a while to be noticed. */
const soon = <T>(look: () => T) => expect.poll(look, { timeout: 90_000 })

/** Listens on its port once the file is there. */
const listener = (port: number, when: string): string =>
  `${process.execPath} -e "const fs=require('fs'),go=()=>fs.existsSync('${when}')?require('net').createServer().listen(${port},'127.0.0.1'):setTimeout(go,20);go()"`

describe.each([
  ['bosun', SUPERVISORD],
  ['python', PYTHON_SUPERVISORD],
])('with the supervisord of %s', (_, supervisord) => {
  const streams = supervisord !== PYTHON_SUPERVISORD

  test('an application that crashes says how, how often, and what comes next', async () => {
    const { told } = await given(
      supervisord,
      `[program:gives-up]\ncommand=/bin/sh -c "exit 3"\nstartsecs=60\nstartretries=1\n[program:absent]\ncommand=/nowhere/at/all\nstartretries=100\n` +
        `[program:loops]\ncommand=/bin/sh -c "sleep 0.05; kill -9 $$"\nstartsecs=0\nautorestart=true\n`,
      portalYaml(entry('Gives Up', 1), entry('Absent', 1), entry('Loops', 1)),
    )
    await soon(() => told()['Gives Up']?.sentence).toMatch(
      streams
        ? /^crashed (at every try|2 times in the last minute), last: exit status 3; not tried again until somebody starts it; see \//
        : /^crashed .*not tried again until somebody starts it; see \//,
    )
    await soon(() => told().Absent?.sentence).toMatch(
      /^cannot be started: can't find command '\/nowhere\/at\/all'; (next try|it is tried)/,
    )
    await soon(() => told().Loops).toMatchObject({
      state: 'crashed',
      program: 'loops',
      sentence: expect.stringMatching(
        streams
          ? /^crashed \d+ times in the last minute, last: terminated by SIGKILL \(out of memory, perhaps\); started again each time; see \//
          : /^crashed \d+ times in the last minute.*; started again each time; see \//,
      ),
    })
  })

  test('it is ready when its port answers, and starting until then', async () => {
    const port = await freePort()
    const { told, lab, put, statuses } = await given(
      supervisord,
      `[program:web_app]\ncommand=${listener(port, '{dir}/go')}\nstartsecs=0\n`,
      portalYaml(entry('Web App', port)),
    )
    await soon(() => told()['Web App']).toMatchObject({
      state: 'starting',
      sentence: `starting: its program runs, port ${port} does not answer yet`,
      program: 'web_app',
    })
    put('go', '')
    await soon(() => told()['Web App']).toMatchObject({ state: 'ready', sentence: 'ready' })
    lab.ctl('stop', 'web_app')
    await soon(() => told()['Web App']).toMatchObject({ state: 'stopped', sentence: 'stopped by hand' })
    await soon(async () => (await statuses.read())[0]!.state).toBe('stopped')
    lab.ctl('start', 'web_app')
    await soon(() => told()['Web App']?.state).toBe('ready')
  })

  test('it is ready as soon as its gate lets it go', async () => {
    const port = await freePort()
    const { told, put } = await given(
      supervisord,
      `[program:app]\ncommand=${listener(port, '{dir}/go')}\nstartsecs=0\n`,
      portalYaml(entry('App', port)),
    )
    const verdict = (decided: string): void =>
      put('gates/app.json', JSON.stringify({ gate: 'portal', verdict: decided, reason: 'x', since: Date.now() }))
    await soon(() => told().App?.state).toBe('starting')
    verdict('wait')
    await soon(() => told().App?.state).toBe('waiting')
    put('go', '')
    verdict('go')
    await soon(() => told().App?.state).toBe('ready')
  })

  test('what gates and boot leave behind is seen', async () => {
    const { told, put, remove } = await given(
      supervisord,
      `[program:app]\ncommand=sleep 9999\nstartsecs=0\n`,
      portalYaml(entry('App', 1)),
    )
    const verdict = (gate: string, decided: string, reason: string): void =>
      put('gates/app.json', JSON.stringify({ gate, verdict: decided, reason, since: Date.now() }))
    await soon(() => told().App?.state).toBe('starting')
    put('.provisioning', '')
    await soon(() => told().App?.sentence).toBe('port 1 does not answer yet: provisioning is running')
    verdict('provisioning', 'wait', 'waiting for the end of provisioning')
    await soon(() => told().App).toMatchObject({ state: 'installing', sentence: 'waiting for provisioning' })
    const step = { name: 'p', file: '75-p.sh', started: 1, ended: null, result: 'running', message: 'model 2 of 5' }
    put('boot.json', JSON.stringify({ started: 1, steps: [step], phase: 'provisioning' }))
    await soon(() => told().App?.sentence).toBe('waiting for provisioning (model 2 of 5)')
    remove('.provisioning')
    verdict('portal', 'skip', 'App is not in /etc/portal.yaml')
    await soon(() => told().App).toMatchObject({
      state: 'skipped',
      sentence: 'skipped: App is not in /etc/portal.yaml',
    })
    remove('gates/app.json')
    put('skip/app', 'App\n')
    await soon(() => told().App?.sentence).toBe('skipped: not in /etc/portal.yaml, where its gate looked for "App"')
  })

  test('an application that is added to portal.yaml is there at once', async () => {
    const { told, put } = await given(
      supervisord,
      `[program:a]\ncommand=sleep 9999\nstartsecs=0\n`,
      portalYaml(entry('A', 1)),
    )
    await soon(() => Object.keys(told())).toEqual(['A'])
    put(
      'portal.yaml',
      portalYaml(entry('A', 1), entry('Mine', 1, '    program: a\n'), entry('Yours', 1, '    program: z\n')),
    )
    await soon(() => told()).toMatchObject({
      Mine: { program: 'a', state: 'starting' },
      Yours: { state: 'unknown', program: undefined },
    })
  })

  test('the launcher says which application it starts', async () => {
    const { told } = await given(
      supervisord,
      `[program:odd]\ncommand=bash {dir}/launcher.sh\nstartsecs=0\n`,
      portalYaml(entry('Open WebUI (beta)', 1)),
      '#!/bin/bash\n: . utils/exit_portal.sh "open webui"\nsleep 9999\n',
    )
    await soon(() => told()['Open WebUI (beta)']).toMatchObject({ program: 'odd', state: 'starting' })
  })

  test('a supervisord that goes is told, and so is its return', async () => {
    const { told, lab } = await given(
      supervisord,
      `[program:a]\ncommand=sleep 9999\nstartsecs=0\n`,
      portalYaml(entry('A', 1)),
    )
    await soon(() => told().A?.state).toBe('starting')
    await lab.stop()
    await soon(() => told().A).toMatchObject({
      state: 'unknown',
      sentence: 'not known: supervisord does not answer, and neither does port 1',
    })
    await lab.start({ supervisord })
    await soon(() => told().A?.state).toBe('starting')
  })
})
