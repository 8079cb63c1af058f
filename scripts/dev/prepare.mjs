// Installs what is missing before `npm start` and `npm test`. Runs on whatever Node is on PATH (20 or later) and needs no
// dependency; afterwards everything runs on the Node that package.json brings.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const stamp = resolve(root, 'node_modules/.bosun-lock')
const lock = readFileSync(resolve(root, 'package-lock.json'), 'utf8')

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  console.error('installing packages (npm ci) …')
  const done = spawnSync('npm', ['ci', '--loglevel=error'], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (done.status !== 0) {
    console.error('prepare: npm ci failed; see above')
    process.exit(1)
  }
  writeFileSync(stamp, lock)
}
