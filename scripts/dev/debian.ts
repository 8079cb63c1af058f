import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** THE table of what checks need of Debian: package → a file that shows that it is there. */
const packages = {
  supervisor: '/usr/bin/supervisord',
  chromium: '/usr/bin/chromium',
  caddy: '/usr/bin/caddy',
  // 18 MB to fetch, 565 MB on disk, a minute: its module for supervisorctl is in no smaller package
  ansible: '/usr/bin/ansible-playbook',
  // of test/overlay; all but the last are small, 28 MB and 5 s together
  openssl: '/usr/bin/openssl',
  curl: '/usr/bin/curl',
  cron: '/usr/sbin/cron',
  'openssh-server': '/usr/sbin/sshd',
  syncthing: '/usr/bin/syncthing',
  // makes the stand-in for a library
  gcc: '/usr/bin/gcc',
  // 231 MB on disk, 40 s
  'jupyter-notebook': '/usr/bin/jupyter-notebook',
} as const

/**
 * Installs what a check needs of Debian: package → a file that shows that it is there. Ends the process with a hint when
 * something is missing and cannot be installed.
 */
export function installDebianPackages(wanted: Readonly<Record<string, string>>): void {
  const missing = Object.keys(wanted).filter(name => !existsSync(wanted[name]!))
  if (missing.length === 0) return
  console.error(`installing ${missing.join(' ')} (apt-get) …`)
  // a stale or empty package list is the usual reason for a first failure
  for (const args of [['install'], ['update'], ['install']]) {
    const install = args[0] === 'install'
    const done = spawnSync(
      'apt-get',
      [...args, '-y', '-qq', ...(install ? ['--no-install-recommends', ...missing] : [])],
      {
        stdio: ['ignore', 'ignore', install ? 'ignore' : 'inherit'],
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      },
    )
    if (install && done.status === 0 && missing.every(name => existsSync(wanted[name]!))) return
  }
  console.error(
    `cannot install ${missing.join(' ')}: run \`apt-get install ${missing.join(' ')}\` as root, then try again`,
  )
  process.exit(1)
}

if (import.meta.main) {
  const names = process.argv.slice(2) as (keyof typeof packages)[]
  installDebianPackages(Object.fromEntries(names.map(name => [name, packages[name]])))
}
