/** Instances whose process 1 is the real boot, with one small program of the test's own. */

import { type Instance, type InstanceOptions, openInstance } from '../support/instance.ts'
import { until } from '../support/lab.ts'

export const ENTRYPOINT = 'exec /opt/instance-tools/bin/entrypoint.sh'

const APP = `[program:app]
command=/opt/app.sh
startsecs=0
autorestart=unexpected
stdout_logfile=/dev/stdout
stdout_logfile_maxbytes=0
`

/** Leaves what it finds for the tests to read. */
const APP_SCRIPT = `#!/bin/bash
env -0 >/tmp/app.env.new && umask >/tmp/app.umask && pwd >/tmp/app.cwd && mv /tmp/app.env.new /tmp/app.env
exec sleep 1000
`

/** What the image brings with it starts slowly, and is not what these tests are about. */
const ONLY_APP = `cd /etc/supervisor/conf.d && ls | grep -v '^test-' | xargs rm -f`

export function openBoot({
  init = ENTRYPOINT,
  files = {},
  prepare = '',
  ...rest
}: InstanceOptions = {}): Promise<Instance> {
  return openInstance({
    ...rest,
    init,
    files: { '/etc/supervisor/conf.d/test-app.conf': APP, '/opt/app.sh': APP_SCRIPT, ...files },
    prepare: `${ONLY_APP}\n${prepare}`,
  })
}

/** s */
const LONGEST_BOOT = 120

/** The line that says so; the last one of so many boots. */
export const untilReady = async (instance: Instance, boots = 1): Promise<string> =>
  (await untilSaid(instance, /^READY.*\n/m, boots)).at(-1)!.trimEnd()

/** What fits, so many times. */
export const untilSaid = (instance: Instance, pattern: RegExp, times = 1): Promise<readonly string[]> =>
  until(
    () => `the instance says ${pattern} ${times} times; it says: ${instance.output}`,
    () => {
      const found = instance.output.match(new RegExp(pattern, `${pattern.flags}g`)) ?? []
      return found.length >= times && found
    },
    LONGEST_BOOT,
  )

/**
 * A `sleep` for the boot: what it gives others before it kills them or ends without them, 0.1 or 1 s at a time, takes ten
 * seconds each. For tests of who ends by itself: on a machine that is busy a second may be too short for that.
 */
export const LONG_PAUSES = {
  '/usr/local/sbin/sleep': `#!/bin/sh
case $1 in 0.1 | 1) set -- 10 ;; esac
exec /bin/sleep "$@"
`,
} as const

/** A variable of the program. */
export async function appVariable(instance: Instance, name: string): Promise<string | undefined> {
  const env = await until(
    () => `the program has started; the instance says: ${instance.output}`,
    () => read(instance, '/tmp/app.env'),
    LONGEST_BOOT,
  )
  return env
    .split('\0')
    .find(pair => pair.startsWith(`${name}=`))
    ?.slice(name.length + 1)
}

/** null: not there yet. */
export function read(instance: Instance, path: string): string | null {
  try {
    return instance.read(path)
  } catch {
    return null
  }
}

export interface ReportedStep {
  readonly name: string
  readonly file: string
  readonly result: string
  readonly message: string
  readonly started: number
  readonly ended: number | null
}

export interface Report {
  readonly phase: string
  readonly steps: readonly ReportedStep[]
}

export async function report(instance: Instance): Promise<Report> {
  const { stdout, stderr } = await instance.exec('boot-step --report --json')
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout)
}

export const stepOf = async (instance: Instance, file: string): Promise<ReportedStep> => {
  const { steps } = await report(instance)
  const step = steps.find(each => each.file === file)
  if (step === undefined) throw new Error(`no ${file} among ${steps.map(each => each.file)}`)
  return step
}

/** Serves scripts on 127.0.0.1:8000 before the boot begins. `/moved` leads to `/ok.sh`. */
export const withServer = (
  bodies: Readonly<Record<string, string>>,
): Required<Pick<InstanceOptions, 'init' | 'files'>> => ({
  init: `/opt/instance-tools/node/bin/node /srv/server.mjs & until [ -e /tmp/serving ]; do sleep 0.02; done; ${ENTRYPOINT}`,
  files: {
    '/srv/bodies.json': JSON.stringify(bodies),
    '/srv/server.mjs': `import { createServer } from 'node:http'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
const bodies = JSON.parse(readFileSync('/srv/bodies.json', 'utf8'))
createServer((request, response) => {
  appendFileSync('/tmp/asked', request.url + ' ' + (request.headers.authorization ?? '') + '\\n')
  const path = request.url.split('?')[0]
  if (path === '/moved') response.writeHead(302, { location: '/ok.sh' }).end()
  else if (path in bodies) response.end(bodies[path])
  else response.writeHead(404, { 'content-type': 'text/html' }).end('<html>not here</html>')
}).listen(8000, '127.0.0.1', () => writeFileSync('/tmp/serving', ''))
`,
  },
})
