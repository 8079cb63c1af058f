/**
 * provisioner: sets the instance up as PROVISIONING_SCRIPT says.
 *
 *     provisioner [MANIFEST] [--dry-run] [--force]
 *
 * Exit status: 0 done, or nothing to do; 1 failed; 2 wrong usage. Source: contract/vast-instance.md 8
 */
import { writeSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { provision } from './provision.ts'
import { copyMasked } from './provisioning-log.ts'

const USAGE = `usage: provisioner [MANIFEST] [--dry-run] [--force]

  MANIFEST   path or URL of a manifest; this version runs PROVISIONING_SCRIPT only, and refuses one that asks for more
  --dry-run  says what would be done
  --force    does again what is done; a script is run in any case
`

const options = {
  'dry-run': { type: 'boolean', default: false },
  force: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  /** ours: stdin to the log and to stdout, without secrets */
  log: { type: 'string' },
} as const

async function main(args: readonly string[]): Promise<number> {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(args)
  } catch (error) {
    writeSync(2, `provisioner: ${(error as Error).message}\n${USAGE}`)
    return 2
  }
  const { values, positionals } = parsed
  if (values.help) {
    writeSync(1, USAGE)
    return 0
  }
  if (values.log !== undefined) return copyMasked(values.log, process.env)
  if (positionals.length > 1) {
    writeSync(2, `provisioner: one manifest at a time\n${USAGE}`)
    return 2
  }
  const failure = await provision({
    env: process.env,
    ...(positionals[0] === undefined ? {} : { manifest: positionals[0] }),
    isDryRun: values['dry-run'],
    output: 1,
  })
  return failure === '' ? 0 : 1
}

const parse = (args: readonly string[]) => parseArgs({ args: [...args], options, allowPositionals: true })

void main(process.argv.slice(2)).then(status => process.exit(status))
