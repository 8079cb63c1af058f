import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { Lab, until } from '../support/lab.ts'
import { childrenOf, inNamespaces, stateOf } from '../support/proc.ts'

const MAKER = `#!/bin/bash
# two generations in the background: those of the second lose their parent at once
for i in $(seq 25); do (bash -c "exit $((i % 7))" & bash -c "kill -9 \\$\\$" &) & done
wait
exit 3
`
/** '' once it is gone */
const nameOf = (pid: number): string => {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}

test('as PID 1 it buries thousands of orphans, loses no exit, stops in order and exits 0', {
  timeout: 400_000,
}, async () => {
  await using lab = new Lab(
    `
[program:early]
command=sleep 1000
priority=1
[program:late]
command=sleep 1000
priority=2000
[program:maker]
command={dir}/maker.sh
process_name=maker%(process_num)d
numprocs=3
startsecs=0
`.replaceAll('{dir}', '%(here)s'),
  )
  lab.write('maker.sh', MAKER)
  await lab.start({ prefix: inNamespaces('--fork', '--pid', '--mount-proc') })
  const unshare = lab.daemon!.pid!
  const [pid] = childrenOf(unshare)

  const count = (pattern: RegExp) => lab.read('supervisord.log').match(pattern)?.length ?? 0
  await until(
    '2000 orphans',
    () => count(/reaped unknown pid \d+ \((exit status \d|terminated by SIGKILL)\)/g) >= 2000,
    300,
  )

  expect(lab.ctl('stop', 'maker:*').status).toBe(0)
  await until('no zombie is left', () => childrenOf(pid!).every(child => stateOf(child) !== 'Z'))
  // each life of a maker that was begun has an end in the log: exit status 3, or the stop that ended it
  const begun = count(/spawned: 'maker\d' with pid/g)
  const ended = count(/exited: maker\d \(exit status 3; not expected\)/g) + count(/stopped: maker\d \(/g)
  expect(ended).toBe(begun)

  // what the last makers have left behind ends by itself
  await expect.poll(() => childrenOf(pid!).map(nameOf).sort()).toEqual(['sleep', 'sleep'])
  const ending = new Promise(resolve => lab.daemon!.once('exit', resolve))
  process.kill(pid!, 'SIGTERM')
  expect(await ending).toBe(0)
  const log = lab.read('supervisord.log')
  expect(log.indexOf('stopped: late')).toBeLessThan(log.indexOf('stopped: early'))
  expect(readdirSync(lab.directory)).not.toContain('s.sock')
  expect(spawnSync('kill', ['-0', String(pid)]).status).not.toBe(0)
})
