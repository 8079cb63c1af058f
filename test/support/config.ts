import type { Config } from '../../supervisor/config/config.ts'
import { ConfigError } from '../../supervisor/config/config-error.ts'
import { readConfig } from '../../supervisor/config/read-config.ts'
import { isEventType } from '../../supervisor/listeners/event-types.ts'
import { type FakeMachineOptions, fakeMachine } from './fake-machine.ts'

export const rootFile = '/home/lab/supervisord.conf'

/** The configuration in these files; `text` is the root file, with a `[supervisord]` above it unless it has its own. */
export function configOf(
  text: string,
  options: FakeMachineOptions = {},
  flags: Readonly<Record<string, string>> = {},
): Config {
  const root = text.includes('[supervisord]') ? text : `[supervisord]\n${text}`
  const machine = fakeMachine({ ...options, files: { [rootFile]: root, ...options.files } })
  return readConfig({ file: rootFile, flags: new Map(Object.entries(flags)), isEventType }, machine)
}

/** What is wrong with it. */
export function errorOf(work: () => unknown): ConfigError {
  try {
    work()
  } catch (error) {
    if (error instanceof ConfigError) return error
    throw error
  }
  throw new Error('nothing is wrong with it')
}

export const configErrorOf = (...given: Parameters<typeof configOf>): ConfigError => errorOf(() => configOf(...given))

/** The text of any error, for what is thrown below the level of files. */
export function messageOf(work: () => unknown): string {
  try {
    return `no error: ${JSON.stringify(work())}`
  } catch (error) {
    return (error as Error).message
  }
}
