/** What a manifest asks for, as long as there is no engine for it: the next issue deletes this file. */
import { nameOfSource, pathOfSource } from './script-source.ts'

/**
 * '' for a manifest that asks for nothing, as the one of the base image: `version: 1`. Otherwise why it cannot be done.
 * `read` gives a file's text.
 */
export async function findManifestWork(source: string, read: (path: string) => string): Promise<string> {
  const refusal = `${nameOfSource(source)}: this version does not apply manifests`
  const path = pathOfSource(source)
  if (path === undefined) return `${refusal}; set PROVISIONING_SCRIPT instead`
  let manifest: unknown
  try {
    const { parse } = await import('yaml')
    manifest = parse(read(path))
  } catch (error) {
    return `cannot read the manifest ${path}: ${(error as Error).message.split('\n')[0]}`
  }
  if (typeof manifest !== 'object' || manifest === null || Array.isArray(manifest))
    return `${path}: is no manifest: it has no keys; begin it with version: 1`
  if (!('version' in manifest) || manifest.version !== 1) return `${path}: version: write version: 1`
  const asked = Object.entries(manifest)
    .filter(([key, value]) => key !== 'version' && !isNothing(value))
    .map(([key]) => key)
  return asked.length === 0
    ? ''
    : `${refusal}, and this one asks for ${asked.join(', ')}; set PROVISIONING_SCRIPT instead`
}

const isNothing = (value: unknown): boolean =>
  value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0)
