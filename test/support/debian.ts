import { spawn } from 'node:child_process'
import { resolve } from 'node:path'

const installer = resolve(import.meta.dirname, '../../scripts/dev/debian.ts')

/** ms: what `ansible` takes, with time to spare for an `apt-get update` */
export const INSTALL_TIMEOUT = 300_000

/**
 * Installs what a test needs of Debian: package → a file that shows that it is there. In a process of its own, for it takes
 * a while and blocks, and vitest wants to hear of its workers.
 */
export function ensureDebianPackages(wanted: Readonly<Record<string, string>>): Promise<void> {
  const program = `(await import(${JSON.stringify(installer)})).installDebianPackages(${JSON.stringify(wanted)})`
  const install = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'inherit' })
  return new Promise((done, failed) => {
    install.on('error', failed)
    install.on('exit', status =>
      status === 0 ? done() : failed(new Error(`cannot install ${Object.keys(wanted).join(' ')}`)),
    )
  })
}
