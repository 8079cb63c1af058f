import type { ActivityLog } from '../daemon/api.ts'
import type { LogTrouble } from '../system/log-file.ts'

/** Nothing is lost on a slow disk. */
export const tellTrouble = (log: ActivityLog, trouble: LogTrouble): void =>
  log[trouble.type === 'slow' ? 'warn' : 'error'](describeTrouble(trouble))

/** The one line that the activity log has for trouble with a log file. */
export function describeTrouble(trouble: LogTrouble): string {
  const { path } = trouble
  switch (trouble.type) {
    case 'losing':
      return trouble.code === 'EAGAIN'
        ? `log '${path}' takes no more for now; output is lost until it does`
        : `cannot write to log '${path}': ${trouble.code}; output is lost until that works again`
    case 'lost':
      return `log '${path}' lacks ${trouble.bytes} bytes that could not be written`
    case 'slow':
      return `log '${path}' is slow: a write took ${trouble.ms} ms; nothing is lost, it is written in the background`
    case 'cannotRotate':
      return `cannot rotate log '${path}': ${trouble.code}; it goes on growing`
    case 'cannotReopen':
      return `cannot reopen log '${path}': ${trouble.code}; the old file is written on`
  }
}
