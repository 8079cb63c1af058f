/** Who started the instance: our entrypoint (`args`), or the platform for SSH or for Jupyter. Source: contract 2.5 */
import { readFileSync } from 'node:fs'
import { paths } from './paths.ts'

export type LaunchMode = 'args' | 'ssh' | 'jupyter'

/** By the platform's launch script: there is none in mode `args`; one that mentions Jupyter starts its own Jupyter server. */
export function readLaunchMode(path: string = paths.launch): LaunchMode {
  try {
    return /jupyter/i.test(readFileSync(path, 'latin1')) ? 'jupyter' : 'ssh'
  } catch (error) {
    // one that is there and cannot be read is still the platform's
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'args' : 'ssh'
  }
}
