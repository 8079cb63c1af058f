/**
 * The black-box cases of test/conformance against the built commands, minus those of test/conformance-exclusions.txt, which
 * are printed with their reasons. An excluded case that passes is an error, too: the list must stay true.
 *
 *   node scripts/dev/conformance.ts [--daemon PATH] [--ctl PATH] [-k WORD] [-j N] [-v]
 *
 * --daemon and --ctl put another implementation in the place of one half; CONFORMANCE_DIR names another set of cases.
 */
import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { installDebianPackages } from './debian.ts'

const root = resolve(import.meta.dirname, '../..')
const suite = process.env.CONFORMANCE_DIR ?? resolve(root, 'test/conformance')
const args = process.argv.slice(2)
/** Takes an option and its value out of the arguments; the rest is for run.py. */
function take(option: string, fallback: string): string {
  const at = args.indexOf(option)
  return at < 0 ? resolve(root, fallback) : args.splice(at, 2)[1]!
}
const supervisord = take('--daemon', 'dist/supervisord')
const supervisorctl = take('--ctl', 'dist/supervisorctl')
console.log(`conformance: ${supervisord} with ${supervisorctl}`)

installDebianPackages({ supervisor: '/usr/bin/supervisord' })

/** `module.case  reason` a line; blank lines and `#` comments aside */
const exclusions = new Map(
  readFileSync(resolve(root, 'test/conformance-exclusions.txt'), 'utf8')
    .split('\n')
    .filter(line => line.trim() !== '' && !line.startsWith('#'))
    .map(line => {
      const [, name, reason] = /^(\S+)\s+(.+)$/.exec(line) ?? []
      if (!name || !reason) throw new Error(`conformance-exclusions.txt: no case and reason: ${line}`)
      return [name, reason] as const
    }),
)

interface Results {
  /** name of a case that failed → the line that says so */
  readonly failed: ReadonlyMap<string, string>
  /** `380 passed, 2 failed`; undefined when it did not come to its end */
  readonly summary: string | undefined
}

/** `see` gets what it prints besides. */
async function runCases(given: readonly string[], see: (line: string) => void = () => {}): Promise<Results> {
  const run = spawn('/usr/bin/python3', ['-u', resolve(suite, 'run.py'), ...given], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      CONFORMANCE_SUPERVISORD: supervisord,
      CONFORMANCE_SUPERVISORCTL: supervisorctl,
    },
  })
  const failed = new Map<string, string>()
  let summary: string | undefined
  for await (const line of createInterface({ input: run.stdout })) {
    const name = /^FAIL\s+(\S+):/.exec(line)?.[1]
    if (name) failed.set(name, line)
    else if (/^\d+ passed, \d+ failed$/.test(line)) summary = line
    else see(line)
  }
  return { failed, summary }
}

/** More than these are no accident. */
const MOST_AGAIN = 10

const { failed, summary } = await runCases([...(args.includes('-j') ? [] : ['-j', '2']), ...args], line =>
  console.log(line),
)
const unexpected = [...failed.keys()].filter(name => !exclusions.has(name))
let bad = 0
for (const name of unexpected) {
  console.log(failed.get(name))
  // the cases give everything so many seconds, on a busy machine, too: what fails alone as well is wrong
  const alone = unexpected.length <= MOST_AGAIN ? await runCases([...args, '-j', '1', '-k', name]) : undefined
  if (alone?.summary !== undefined && !alone.failed.has(name)) console.log(`ok    ${name}: at the second time, alone`)
  else bad++
}

const listed = spawnSync(
  '/usr/bin/python3',
  [resolve(suite, 'run.py'), '--list', ...args.filter(arg => arg !== '-v')],
  {
    encoding: 'utf8',
  },
)
const cases = new Set(listed.stdout.split('\n').map(line => line.split(' ')[0]!))
for (const [name, reason] of exclusions) {
  if (!cases.has(name)) continue
  const verdict = failed.has(name) ? 'differs' : 'PASSES: take it off the list'
  if (!failed.has(name)) bad++
  console.log(`excluded ${name} (${verdict}): ${reason}`)
}
console.log(summary ?? 'the run did not finish')
process.exit(summary === undefined || bad > 0 ? 1 : 0)
