import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { findManifestWork } from '../../../../scripts/provision/manifest.ts'

const ask = (text: string): Promise<string> => findManifestWork('/provisioning.yaml', () => text)

test('the manifest of the base image asks for nothing', async () => {
  expect(await ask('version: 1\n')).toBe('')
  expect(await ask('version: 1\npip_packages: []\nsettings: {}\n# all\n')).toBe('')
})

test('one that asks for more is refused in one line that says what', async () => {
  expect(await ask('version: 1\napt_packages: [jq]\ndownloads:\n  - url: https://x/y\n')).toBe(
    '/provisioning.yaml: this version does not apply manifests, and this one asks for apt_packages, downloads; set PROVISIONING_SCRIPT instead',
  )
  expect(await findManifestWork('https://me:pw@host/m.yaml?k=1', readFileSync as never)).toBe(
    'https://host/m.yaml: this version does not apply manifests; set PROVISIONING_SCRIPT instead',
  )
})

test('what cannot be read, or is none, is told', async () => {
  expect(await ask('a: [\n')).toMatch(/^cannot read the manifest \/provisioning.yaml: /)
  expect(await ask('- version: 1\n')).toMatch(/is no manifest/)
  expect(await ask('version: "1"\n')).toMatch(/write version: 1/)
  expect(await findManifestWork('/no/such.yaml', path => readFileSync(path, 'utf8'))).toMatch(/ENOENT/)
})
