import type { LogTrouble } from '../system/log-file.ts'

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
    case 'cannotRotate':
      return `cannot rotate log '${path}': ${trouble.code}; it goes on growing`
    case 'cannotReopen':
      return `cannot reopen log '${path}': ${trouble.code}; the old file is written on`
  }
}
