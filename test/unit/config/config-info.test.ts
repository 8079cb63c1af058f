import { expect, test } from 'vitest'
import { allConfigInfo } from '../../../supervisor/config/config-info.ts'
import { programOptions } from '../../../supervisor/config/program-options.ts'
import { configOf } from '../../support/config.ts'

const unknown = { inUse: () => false, automaticLogfile: () => null }

test('every default, in the order of the original', () => {
  const [info] = allConfigInfo(configOf('[program:x]\ncommand=/bin/cat\nautostart=false\n'), unknown)
  expect(Object.entries(info!)).toEqual(
    Object.entries({
      autostart: false,
      directory: 'none',
      uid: 'none',
      command: '/bin/cat',
      exitcodes: [0],
      group: 'x',
      group_prio: 999,
      inuse: false,
      killasgroup: false,
      name: 'x',
      process_prio: 999,
      redirect_stderr: false,
      startretries: 3,
      startsecs: 1,
      stdout_capture_maxbytes: 0,
      stdout_events_enabled: false,
      stdout_logfile: 'auto',
      stdout_logfile_backups: 10,
      stdout_logfile_maxbytes: 50 << 20,
      stdout_syslog: false,
      stopsignal: 15,
      stopwaitsecs: 10,
      stderr_capture_maxbytes: 0,
      stderr_events_enabled: false,
      stderr_logfile: 'auto',
      stderr_logfile_backups: 10,
      stderr_logfile_maxbytes: 50 << 20,
      stderr_syslog: false,
      serverurl: 'none',
    }),
  )
})

test('every option that is to be reported is there', () => {
  const [info] = allConfigInfo(configOf('[program:x]\ncommand=/bin/cat\n'), unknown)
  const reported = Object.values(programOptions).flatMap(({ report }) => (report === null ? [] : [report]))
  expect(Object.keys(info!).sort()).toEqual([...reported, 'group', 'group_prio', 'inuse', 'name'].sort())
})

test('a user is a number, an empty log file stays empty, an automatic one is named when its name is known', () => {
  const config = configOf('[program:x]\ncommand=/bin/cat\nuser=root\nstdout_logfile=\ndirectory=/\n')
  const [info] = allConfigInfo(config, {
    inUse: () => true,
    automaticLogfile: (_, process, channel) => `/tmp/${process.name}-${channel}`,
  })
  expect(info).toMatchObject({
    uid: 0,
    stdout_logfile: '',
    stderr_logfile: '/tmp/x-stderr',
    directory: '/',
    inuse: true,
  })
})

test('sorted by the name of the process, whatever its group', () => {
  const config = configOf(
    '[program:b]\ncommand=x\nnumprocs=2\nprocess_name=p%(process_num)d\nnumprocs_start=9\n[program:a]\ncommand=x\npriority=1\n[program:p99]\ncommand=x\n',
  )
  expect(allConfigInfo(config, unknown).map(({ name }) => name)).toEqual(['a', 'p10', 'p9', 'p99'])
})
