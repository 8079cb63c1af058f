import { expect, test } from 'vitest'
import { Lab, SUPERVISORCTL } from '../support/lab.ts'

/** What images of the Vast family do: open the stream by its name, and copy everything to a file of their own. */
const WRAPPER = `#!/bin/bash
exec > >(tee -a {dir}/app.log) 2>&1
echo "straight to the stream" > /dev/stdout
echo "app VERSION is up"
exec sleep 1000
`

test('a provisioning script adds a program, changes it, and removes it', async () => {
  await using lab = await new Lab('').start()
  const provision = (name: string, text: string) => {
    const script = lab.write(name, `#!/bin/bash\nset -e\nctl="${SUPERVISORCTL} -c {dir}/supervisord.conf"\n${text}`)
    return lab.run('/bin/bash', script)
  }
  lab.write('app.sh', WRAPPER.replace('VERSION', '1'), 0o755)

  const added = provision(
    'add.sh',
    `cat > {dir}/conf.d/app.conf <<'EOF'
[program:app]
command={dir}/app.sh
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile={dir}/app.stdout
stdout_logfile_maxbytes=0
EOF
$ctl reread && $ctl update
`,
  )
  expect(added).toEqual({ status: 0, stdout: 'app: available\napp: added process group\n', stderr: '' })
  const first = await lab.untilState('app', 'RUNNING')
  await lab.untilFile('app.log', /^app 1 is up$/m)
  await lab.untilFile('app.stdout', /^straight to the stream\napp 1 is up\n$/)

  lab.write('app.sh', WRAPPER.replace('VERSION', '2'), 0o755)
  const changed = provision(
    'change.sh',
    'sed -i s/stopasgroup=true/stopwaitsecs=3/ {dir}/conf.d/app.conf\n$ctl reread && $ctl update',
  )
  expect(changed.stdout).toBe('app: changed\napp: stopped\napp: updated process group\n')
  const second = await lab.untilState('app', 'RUNNING')
  expect(second).not.toBe(first)
  await lab.untilFile('app.log', /^app 2 is up$/m)

  const again = provision('again.sh', '$ctl reread && $ctl update')
  expect(again).toEqual({ status: 0, stdout: 'No config updates to processes\n', stderr: '' })

  const removed = provision('remove.sh', 'rm {dir}/conf.d/app.conf\n$ctl reread && $ctl update')
  expect(removed.stdout).toBe('app: disappeared\napp: stopped\napp: removed process group\n')
  expect(lab.ctl('status').stdout).toBe('')
})

test('a broken file is told with its place, and nothing that runs is lost', async () => {
  await using lab = await new Lab('[program:steady]\ncommand=sleep 1000\n').start()
  const before = await lab.untilState('steady', 'RUNNING')
  lab.write('conf.d/bad.conf', '[program:bad]\ncommand=true\nstartsecs=soon\n')
  const told = "invalid literal for int() with base 10: 'soon' in section 'program:bad'"
  expect(lab.ctl('reread').stdout).toContain(`ERROR: CANT_REREAD: ${told}`)
  expect(lab.ctl('reload').stdout).toContain(`CANT_REREAD: ${told}`)
  lab.daemon!.kill('SIGHUP')
  await lab.untilFile(
    'supervisord.log',
    /CRIT cannot restart, everything stays as it is: .*bad\.conf:3: \[program:bad\] startsecs=soon/,
  )
  expect(lab.ctl('status', 'steady').stdout.split(',')[0]).toBe(before.split(',')[0])

  lab.run('/bin/rm', lab.path('conf.d/bad.conf'))
  expect(lab.ctl('reload').stdout).toBe('Restarted supervisord\n')
  await lab.untilFile('supervisord.log', /(started with pid \d+.*){2}/s)
})
