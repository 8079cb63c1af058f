/**
 * `npm start` and `npm run ctl`: the built commands on a configuration of their own in .run/ (0700), copied from
 * examples/first when it is not there yet. What is edited there stays.
 */
import { cpSync, existsSync, mkdirSync } from 'node:fs'
import { resolve } from 'node:path'

const root = resolve(import.meta.dirname, '../..')
const run = resolve(root, '.run')
const [command = 'supervisord', ...args] = process.argv.slice(2)

mkdirSync(run, { recursive: true, mode: 0o700 })
if (!existsSync(`${run}/supervisord.conf`)) cpSync(`${root}/examples/first`, run, { recursive: true })

const file = resolve(root, 'dist', command)
process.execve!(file, [file, '-c', `${run}/supervisord.conf`, ...args], process.env as Record<string, string>)
