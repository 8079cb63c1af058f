/** What launchers do with their output: logging.sh, log-tee, pty.sh, cleanup_generic.sh, environment.sh. Source: contract 3.4, 3.5 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PlainText } from '../../supervisor/logs/plain-text.ts'
import { type ExecOptions, type Instance, openInstance } from '../support/instance.ts'
import { until } from '../support/lab.ts'

let instance: Instance
beforeAll(async () => {
  instance = await openInstance()
  await instance.exec('install -d -m 1777 /var/log/portal')
})
afterAll(() => instance[Symbol.asyncDispose]())

const utils = '/opt/supervisor-scripts/utils'
const bytes = (path: string): Buffer => readFileSync(instance.path(path))
const read = (path: string): string | undefined => {
  try {
    return instance.read(path)
  } catch {
    return undefined
  }
}

/** As a whole, and independent of any filter: replacement characters, no sequences, line ends. */
function plainOf(input: Buffer): string {
  const plain = new PlainText()
  return plain.write(Buffer.from(input.toString())).toString() + plain.end().toString()
}

describe('log-tee', () => {
  const TEXT = Buffer.concat([
    Buffer.from('\x1b[1;31mé€😀\x1b[0m\r\nprogress 10%\rprogress 20%\r\x1b[Kdone\x1b[1A\n'),
    Buffer.from([0xff, 0xe2, 0x82, 0x61, 0xf0, 0x9f, 0x0a]),
    Buffer.from('\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b(B\r\r\nb\x1b7\ttab\r'),
    Buffer.from([0xe2, 0x82]),
  ])

  test('three renderings: as it comes, and twice without sequences and carriage returns', async () => {
    const got = await feed('/var/log/portal/a.log', TEXT)
    expect(bytes('/var/log/portal/a.log').toString()).toBe(TEXT.toString())
    expect(got).toBe('é€😀\nprogress 10%\nprogress 20%\ndone\n\ufffd\ufffda\ufffd\nalink\n\nb\ttab\n\ufffd')
    expect(instance.read('/var/log/a.log')).toBe(got)
    expect(got).toBe(plainOf(TEXT))
    for (const path of ['/var/log/portal/a.log', '/var/log/a.log'])
      expect(statSync(instance.path(path)).mode & 0o777).toBe(0o644)
  })

  test('cut anywhere, it comes to the same', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'bosun-log-tee-'))
    const plain = plainOf(TEXT)
    const cuts = Array.from({ length: TEXT.length - 1 }, (_, n) => n + 1)
    try {
      for (const cut of cuts) {
        const log = join(directory, `${cut}.log`)
        const splitter = spawn(resolve(import.meta.dirname, '../../ROOT/usr/local/bin/log-tee'), [log])
        const shown: Buffer[] = []
        splitter.stdout.on('data', data => shown.push(data))
        splitter.stdin.write(TEXT.subarray(0, cut))
        // whole characters are written as soon as they are read
        const certain = Buffer.byteLength(new TextDecoder().decode(TEXT.subarray(0, cut), { stream: true }))
        await until('the first piece is read', () => existsSync(log) && statSync(log).size === certain)
        splitter.stdin.end(TEXT.subarray(cut))
        await once(splitter, 'close')
        expect({ shown: Buffer.concat(shown).toString(), log: readFileSync(log, 'utf8') }, `cut at ${cut}`).toEqual({
          shown: plain,
          log: TEXT.toString(),
        })
      }
    } finally {
      rmSync(directory, { recursive: true })
    }
  }, 120_000)

  test('what it shows does not wait for the end of a line', async () => {
    const splitter = instance.start('exec log-tee /var/log/portal/now.log')
    let shown = ''
    splitter.stdout!.on('data', data => (shown += data))
    splitter.stdin!.write('loading 10%')
    await until('the beginning of a line is there', () => shown === 'loading 10%' && read('/var/log/now.log') === shown)
    splitter.stdin!.end()
    await once(splitter, 'close')
  })

  test('only logs in a directory named portal have a clean copy', async () => {
    expect(await feed('/tmp/other.log', '\x1b[1mx\n')).toBe('x\n')
    expect(instance.read('/tmp/other.log')).toBe('\x1b[1mx\n')
    expect(read('/var/log/other.log')).toBeUndefined()
  })

  test('it appends', async () => {
    await feed('/var/log/portal/more.log', 'one\n')
    await feed('/var/log/portal/more.log', 'two\n')
    expect(instance.read('/var/log/portal/more.log')).toBe('one\ntwo\n')
  })

  test.each(['root', 'user'] as const)('%s: a log over 5 MiB is cut to whole lines of the last 1 MiB', async user => {
    const path = `/var/log/portal/big-${user}.log`
    const clean = `/var/log/big-${user}.log`
    await instance.exec(`touch ${clean}; chown ${user} ${clean}`)
    const input = Buffer.from(Array.from({ length: 100_000 }, (_, n) => `\x1b[32mline ${n}\x1b[0m ${LINE}\n`).join(''))
    await feed(path, input, { user })
    for (const [kept, whole] of [
      [bytes(path), input],
      [bytes(clean), Buffer.from(plainOf(input))],
    ] as const) {
      expect(kept.length).toBeLessThan((5 << 20) + (512 << 10) + 8192)
      expect(kept.length).toBeGreaterThan((1 << 20) - 100)
      expect(whole.length).toBeGreaterThan(6 << 20)
      expect(whole.subarray(whole.length - kept.length).equals(kept)).toBe(true)
      expect(whole[whole.length - kept.length - 1]).toBe(10)
    }
  })

  test('a full disk, a log that it may not write, and a reader that has gone cost nobody else anything', async () => {
    await instance.exec('mkdir -p /tmp/full/portal; mount -t tmpfs -o size=64k tmpfs /tmp/full/portal')
    const much = Buffer.alloc(1 << 20, 'a line of text\n')
    expect(sum(await feed('/tmp/full/portal/x.log', much))).toBe(sum(much.toString()))
    expect(bytes('/tmp/full/portal/x.log').length).toBeLessThanOrEqual(64 << 10)

    const refused = instance.start('exec log-tee /var/log/portal/none/x.log')
    let [shown, complaint] = ['', '']
    refused.stdout!.on('data', data => (shown += data))
    refused.stderr!.on('data', data => (complaint += data))
    refused.stdin!.end('text\n')
    await once(refused, 'close')
    expect({ shown, complaint }).toEqual({
      shown: 'text\n',
      complaint: 'log-tee: cannot open /var/log/portal/none/x.log: it is not kept there\n',
    })

    const alone = await instance.exec(
      `for i in 1 2 3 4 5; do echo $i; sleep 0.05; done | log-tee /var/log/portal/alone.log | read -r x; set -- "\${PIPESTATUS[@]}"; exit $2`,
    )
    expect(alone.status).toBe(0)
    await until('all is there', () => instance.read('/var/log/portal/alone.log') === '1\n2\n3\n4\n5\n')
  })

  test('signals do not end it: what a program says while it is stopped is logged', async () => {
    const splitter = instance.start('exec log-tee /var/log/portal/last.log')
    splitter.stdin!.write('one\n')
    await until('it is at work', () => read('/var/log/portal/last.log') === 'one\n')
    for (const name of ['TERM', 'INT', 'HUP'])
      expect((await instance.exec(`pkill -${name} -f '^log-tee'`)).status).toBe(0)
    splitter.stdin!.end('last words\n')
    expect((await once(splitter, 'close'))[0]).toBe(0)
    expect(instance.read('/var/log/portal/last.log')).toBe('one\nlast words\n')
  })

  test('without perl the log is kept as it comes', async () => {
    await using bare = await openInstance({ prepare: 'rm /usr/bin/perl' })
    await bare.exec('mkdir /var/log/portal')
    const { status, stdout } = await bare.exec("printf '\\033[1mx\\n' | log-tee /var/log/portal/x.log")
    expect({ status, stdout, log: bare.read('/var/log/portal/x.log') }).toEqual({
      status: 0,
      stdout: '\x1b[1mx\n',
      log: '\x1b[1mx\n',
    })
  })

  test('it has less than 2 MB of memory to itself', async () => {
    const splitter = instance.start('exec log-tee /var/log/portal/small.log')
    splitter.stdin!.write('x\n')
    await until('it is at work', () => read('/var/log/portal/small.log') === 'x\n')
    const { stdout } = await instance.exec('grep -h Private_Dirty /proc/$(pgrep -fn "[l]og-tee")/smaps_rollup')
    splitter.stdin!.end()
    await once(splitter, 'close')
    expect(Number.parseInt(stdout.split(/\s+/)[1]!, 10)).toBeLessThan(2048)
  })
})

const LINE = 'x'.repeat(60)

const sum = (text: string): string => createHash('sha256').update(text).digest('hex')

/** What it shows of this input. */
async function feed(log: string, input: Buffer | string, options: ExecOptions = {}): Promise<string> {
  const splitter = instance.start(`exec log-tee ${log}`, options)
  const shown: Buffer[] = []
  splitter.stdout!.on('data', data => shown.push(data))
  splitter.stdin!.end(input)
  await once(splitter, 'close')
  return Buffer.concat(shown).toString()
}

describe('logging.sh', () => {
  const source = (argument = ''): string => `. ${utils}/logging.sh ${argument}`
  const NAMES = '"$logpath $logfile $cleanlog"'

  test.each(['root', 'user'] as const)(
    '%s: into the log, the copy and stdout, stderr, too; the run before is kept',
    async user => {
      const env = { PROC_NAME: `app-${user}` }
      const [log, clean] = [`/var/log/portal/app-${user}.log`, `/var/log/app-${user}.log`]
      await instance.exec(`touch ${clean}; chown ${user} ${clean}`)
      const say = (text: string) =>
        instance.exec(`set -eu\n${source()}\nprintf '\\033[1m${text}\\033[0m\\r\\n'; echo ${NAMES} >&2`, { user, env })
      const names = `/var/log/portal ${log} ${clean}\n`
      const first = await say('first')
      expect(first).toEqual({ status: 0, stdout: `first\n${names}`, stderr: '' })
      expect(instance.read(log)).toBe(`\x1b[1mfirst\x1b[0m\r\n${names}`)
      expect(instance.read(clean)).toBe(`first\n${names}`)
      await say('second')
      expect(instance.read(`${log}.old`)).toContain('first')
      expect(instance.read(log)).toContain('second')
      // `user` cannot rename in /var/log: there it goes on in the same file
      if (user === 'root') expect(instance.read(`${clean}.old`)).toContain('first')
      expect(instance.read(clean)).toContain('second')
    },
  )

  test('with a file as argument: that one, and no rotation of the copy', async () => {
    const env = { PROC_NAME: 'selkies' }
    await instance.exec('echo before >/tmp/mine.log; echo before >/var/log/mine.log')
    const { stdout } = await instance.exec(`${source('/tmp/mine.log')}\necho hello`, { env })
    expect(stdout).toBe('hello\n')
    expect(instance.read('/tmp/mine.log')).toBe('hello\n')
    expect(instance.read('/tmp/mine.log.old')).toBe('before\n')
    expect(instance.read('/var/log/mine.log')).toBe('before\n')
  })

  test('a device as argument stays what it is', async () => {
    await instance.exec('mknod /tmp/null c 1 3')
    const { stdout } = await instance.exec(`${source('/tmp/null')}\necho hello`, { env: { PROC_NAME: 'quiet' } })
    expect(stdout).toBe('hello\n')
    expect((await instance.exec('test -c /tmp/null')).status).toBe(0)
  })

  test('an argument that is empty is none', async () => {
    await instance.exec(`${source('""')}\necho hello`, { env: { PROC_NAME: 'empty' } })
    expect(instance.read('/var/log/portal/empty.log')).toBe('hello\n')
  })

  test('a supervisord that keeps the logs is left to it', async () => {
    const env = { PROC_NAME: 'kept', SUPERVISOR_STDOUT_TEE: '/var/log/portal/kept.log' }
    await instance.exec('echo "of supervisord" >/var/log/portal/kept.log')
    const got = await instance.exec(`${source()}\necho ${NAMES} >&2; pgrep -fc "[l]og-tee.*kept"`, { env })
    expect(got).toEqual({
      status: 1,
      stdout: '/var/log/portal /var/log/portal/kept.log /var/log/kept.log\n0\n',
      stderr: '',
    })
    expect(instance.read('/var/log/portal/kept.log')).toBe('of supervisord\n')
    // another log is still the launcher's own
    await instance.exec(`${source('/tmp/own.log')}\necho hello`, { env })
    expect(instance.read('/tmp/own.log')).toBe('hello\n')
  })

  test('nothing on PATH: the same', async () => {
    const { stdout } = await instance.exec(`PATH=/nonexistent\n${source()}\necho hello`, {
      env: { PROC_NAME: 'nopath' },
    })
    expect(stdout).toBe('hello\n')
    expect(instance.read('/var/log/portal/nopath.log')).toBe('hello\n')
  })

  test('without a name there is no log, and the program runs all the same', async () => {
    expect((await instance.exec(`${source()}\necho hello`)).stdout).toBe('hello\n')
    expect(read('/var/log/portal/.log')).toBeUndefined()
  })

  test('a launcher that becomes its program keeps its log', async () => {
    const { status } = await instance.exec(`${source()}\nexec sh -c 'echo from the program; exit 7'`, {
      env: { PROC_NAME: 'becomes' },
    })
    expect(status).toBe(7)
    expect(instance.read('/var/log/portal/becomes.log')).toBe('from the program\n')
  })
})

describe('pty', () => {
  const pty = (
    command: string,
    { stdin = '</dev/null', env = {} }: { stdin?: string; env?: Record<string, string> } = {},
  ) => instance.exec(`. ${utils}/pty.sh\npty ${command} ${stdin}`, { env })

  test('a terminal for the program, its output unchanged, its exit status ours', async () => {
    expect(await pty(`bash -c 'tty >&2; echo out; exit 3'`)).toEqual({
      status: 3,
      stdout: expect.stringMatching(/^\/dev\/pts\/\d+\nout\n$/),
      stderr: '',
    })
    expect((await pty(`bash -c 'kill -9 $$'`)).status).toBe(137)
    expect(await pty('nosuch')).toEqual({
      status: 127,
      stdout: 'pty-wrap: cannot run nosuch: No such file or directory\n',
      stderr: '',
    })
  })

  test('all of a large output arrives', async () => {
    const { stdout } = await pty('seq 1 200000')
    expect(sum(stdout)).toBe(sum(Array.from({ length: 200_000 }, (_, n) => `${n + 1}\n`).join('')))
  })

  test('stdin is passed on', async () => {
    const { stdout } = await pty(`bash -c 'read -r x; echo "got $x"'`, { stdin: '< <(sleep 0.2; echo hello; sleep 1)' })
    expect(stdout).toBe('got hello\n')
  })

  test('a signal to it reaches the program, and its last words arrive', async () => {
    const { stdout } = await instance.exec(
      `pty-wrap bash -c 'trap "echo stopping; exit 5" TERM; echo up; touch /tmp/pty-up; while :; do sleep 0.1; done' </dev/null &
       until [ -e /tmp/pty-up ]; do sleep 0.05; done; kill -TERM $!; wait $!; echo "status $?"`,
    )
    expect(stdout).toContain('up\n')
    expect(stdout).toMatch(/stopping\nstatus 5\n$/)
  })

  test('DISABLE_PTY=true, no perl, or no terminal to be had: without', async () => {
    expect((await pty('tty', { env: { DISABLE_PTY: 'true' } })).stdout).toBe('not a tty\n')
    expect((await instance.exec('DISABLE_PTY=true exec pty-wrap tty </dev/null')).stdout).toBe('not a tty\n')
    await using bare = await openInstance({ prepare: 'rm /usr/bin/perl' })
    expect((await bare.exec('pty-wrap tty </dev/null')).stdout).toBe('not a tty\n')
    await using closed = await openInstance({ prepare: 'mount --bind /dev/null /dev/ptmx' })
    expect((await closed.exec('pty-wrap tty </dev/null')).stdout).toBe('not a tty\n')
  })
})

describe('cleanup_generic.sh', () => {
  const source = `. ${utils}/cleanup_generic.sh`
  /** How many processes have command lines that fit, in the end. */
  const running = (what: string) =>
    expect.poll(async () => Number((await instance.exec(`ps -eo args= | grep -cE '${what}'`)).stdout))

  test('all that a launcher has started ends with it, in other sessions, too', async () => {
    const sleepers = '^(sleep 710[1-4]|[(]odd[)] name 7105)$'
    const { status, stdout } = await instance.exec(
      `set -eu\n${source}\nsleep 7101 &\nsetsid bash -c 'sleep 7102 & sleep 7103; :' &\npty-wrap sleep 7104 </dev/null &\n(exec -a '(odd) name' sleep 7105) &
       until [ "$(ps -eo args= | grep -cE '${sleepers}')" = 5 ]; do sleep 0.05; done; _collect_descendants | wc -l; exit 7`,
    )
    expect({ status, descendants: Number(stdout) >= 7 }).toEqual({ status: 7, descendants: true })
    await running(sleepers).toBe(0)
  })

  test('what ignores SIGTERM is killed after five seconds', async () => {
    const began = performance.now()
    const { status } = await instance.exec(
      `${source}\nbash -c 'trap "" TERM; touch /tmp/deaf; while :; do sleep 7201; done' &\nuntil [ -e /tmp/deaf ]; do sleep 0.05; done`,
    )
    expect(status).toBe(0)
    expect(performance.now() - began).toBeGreaterThan(5000)
    await running('sleep 720[1]').toBe(0)
  })

  test('SIGTERM to the launcher: the same, and its log gets the last words', async () => {
    const launcher = instance.start(
      `. ${utils}/logging.sh\n${source}\nsetsid bash -c 'trap "echo last words; exit" TERM; echo up; while :; do sleep 0.1; done' &\nwait`,
      { env: { PROC_NAME: 'words' } },
    )
    await until('it is up', () => read('/var/log/portal/words.log') === 'up\n')
    const ended = once(launcher, 'close')
    await instance.exec(`kill -TERM $(pgrep -of '[w]ords.*exit|[c]leanup_generic')`)
    await ended
    expect(instance.read('/var/log/portal/words.log')).toContain('last words\n')
  })

  test('nothing to end: it costs nothing', async () => {
    expect(await instance.exec(`set -eu\n${source}\nexit 3`)).toEqual({ status: 3, stdout: '', stderr: '' })
  })
})

describe('environment.sh', () => {
  test('exports both files, over what was there; a broken one counts as far as it goes', async () => {
    instance.write('/etc/environment', 'A="from environment"\nB=one\nexport C=three\n')
    instance.write('/workspace/.env', 'B=two\nD="$A and more"\n')
    const shell = `set -eu\n. ${utils}/environment.sh\nenv | grep -E '^[A-E]=' | sort; echo $-`
    const { status, stdout, stderr } = await instance.exec(shell, { env: { A: 'from supervisord', E: 'kept' } })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^A=from environment\nB=two\nC=three\nD=from environment and more\nE=kept\n.*e.*u.*\n$/)
    instance.write('/etc/environment', 'A=good\nfalse\nB=$UNSET\n"broken\n')
    expect((await instance.exec(shell)).stdout).toContain('A=good\n')
    await instance.exec('rm /etc/environment /workspace/.env')
    expect((await instance.exec(`${shell.replace('; echo $-', '')}; echo still here`)).stdout).toContain('still here')
  })
})
