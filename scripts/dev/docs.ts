/**
 * Writes the reference pages, each beside the table it is made from.
 *
 *     node scripts/dev/docs.ts [--check]     with --check nothing is written: exit 1 if a page is not what its table says
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { renderSettingsReference } from '../../programs/common/settings-reference.ts'
import { renderOptionsReference } from '../../supervisor/config/reference.ts'
import { renderCtlReference } from '../../supervisor/ctl/render-reference.ts'
import { renderEventsReference } from '../../supervisor/listeners/reference.ts'
import { renderLifecycleReference } from '../../supervisor/process/reference.ts'
import { renderRpcReference } from '../../supervisor/rpc/render-reference.ts'
import { renderBootReference } from '../boot/reference.ts'

interface Page {
  /** from the root of the repository */
  readonly path: string
  readonly render: () => string
}

const pages: readonly Page[] = [
  { path: 'supervisor/config/OPTIONS.md', render: renderOptionsReference },
  { path: 'supervisor/listeners/EVENTS.md', render: renderEventsReference },
  { path: 'supervisor/process/LIFECYCLE.md', render: renderLifecycleReference },
  { path: 'supervisor/ctl/CTL.md', render: renderCtlReference },
  { path: 'supervisor/rpc/RPC.md', render: renderRpcReference },
  { path: 'programs/common/SETTINGS.md', render: renderSettingsReference },
  { path: 'scripts/boot/BOOT.md', render: renderBootReference },
]

const { values: options } = parseArgs({ options: { check: { type: 'boolean', default: false } } })
const root = resolve(import.meta.dirname, '../..')

const stale = pages.filter(({ path, render }) => {
  const file = resolve(root, path)
  return !existsSync(file) || readFileSync(file, 'utf8') !== render()
})

for (const { path, render } of stale) {
  if (options.check) console.error(`${path} is stale: run npm run docs`)
  else {
    writeFileSync(resolve(root, path), render())
    console.log(`wrote ${path}`)
  }
}
if (options.check && stale.length > 0) process.exitCode = 1
