import type { ProcessInfo } from '../../client/supervisor-api.ts'
import { isStopped } from '../../process/states.ts'
import type { Context } from '../command.ts'
import { type ExitStatus, exitStatus } from '../exit-status.ts'
import { parseNamespec, renderNamespec } from '../namespec.ts'
import { isFault } from '../results.ts'

const NARROWEST = 30
const GAP = 3
const STATE_WIDTH = 10

/** Unknown names first, then the table; of two problems the stopped process decides the exit status. Source: contract 9.4 */
export async function status(context: Context, words: readonly string[]): Promise<ExitStatus> {
  const { supervisor, terminal } = context
  let found: ExitStatus = exitStatus.OK
  let infos: readonly ProcessInfo[]
  if (words.length === 0 || words.includes('all')) {
    infos = await supervisor.getAllProcessInfo()
  } else {
    const listed: ProcessInfo[] = []
    for (const word of words) {
      const those = await find(context, word)
      if (those.length === 0) found = exitStatus.STATUS_UNKNOWN
      listed.push(...those)
    }
    infos = listed
  }
  if (infos.length > 0) terminal.write(renderTable(infos))
  return infos.some(info => isStopped(info.statename)) ? exitStatus.STATUS_NOT_RUNNING : found
}

/** Says so when there is nothing of this name. */
async function find({ supervisor, print }: Context, word: string): Promise<readonly ProcessInfo[]> {
  const { group, process } = parseNamespec(word)
  if (process === null) {
    const members = (await supervisor.getAllProcessInfo()).filter(info => info.group === group)
    if (members.length === 0) print(`${group}: ERROR (no such group)`)
    return members
  }
  try {
    return [await supervisor.getProcessInfo(word)]
  } catch (error) {
    if (!isFault(error, 'BAD_NAME')) throw error
    print(`${renderNamespec(group, process)}: ERROR (no such process)`)
    return []
  }
}

/** `web                              RUNNING   pid 12, uptime 0:00:03`; columns are counted in code points. */
export function renderTable(infos: readonly ProcessInfo[]): string {
  const names = infos.map(info => renderNamespec(info.group, info.name))
  const widths = names.map(name => [...name].length)
  const width = widths.reduce((widest, next) => Math.max(widest, next), NARROWEST) + GAP
  return infos
    .map((info, at) => {
      const padding = ' '.repeat(width - widths[at]!)
      return `${names[at]}${padding}${info.statename.padEnd(STATE_WIDTH)}${info.description}\n`
    })
    .join('')
}
