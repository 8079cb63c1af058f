/**
 * What is wrong with something that a person wrote, said once: by `bosun explain`, `portal check`, the page and the logs.
 * `{ where: '/etc/portal.yaml:7', message: 'My App: external_port is not a port: 80x', fix: 'write a number from 1 to 65535' }`
 */
export interface Problem {
  /** File and line, or variable and entry. Never holds a secret; neither do the others. */
  readonly where: string
  readonly message: string
  /** What to do about it, as an imperative. */
  readonly fix: string
}

/** One line: `/etc/portal.yaml:7: My App: external_port is not a port: 80x (write a number from 1 to 65535)` */
export const renderProblem = ({ where, message, fix }: Problem): string => `${where}: ${message} (${fix})`
