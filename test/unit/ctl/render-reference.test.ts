import { expect, test } from 'vitest'
import { commands } from '../../../supervisor/ctl/commands.ts'
import { exitStatus } from '../../../supervisor/ctl/exit-status.ts'
import { renderCtlReference } from '../../../supervisor/ctl/render-reference.ts'

test('every command and every exit status has its place', () => {
  const page = renderCtlReference()
  for (const [name, { help }] of Object.entries(commands)) {
    expect(page).toContain(`### ${name}\n`)
    expect(page).toContain(help[0])
  }
  for (const status of Object.values(exitStatus)) expect(page).toContain(`| ${status} |`)
  expect(page).not.toContain('undefined')
})
