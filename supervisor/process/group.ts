import type { GroupConfig } from '../config/config.ts'
import type { Group } from '../daemon/api.ts'
import type { SupervisedProcess } from './process.ts'
import { isStopped } from './states.ts'

/** An active group and its processes. Source: contract 4.6 */
export class ProcessGroup implements Group {
  readonly config: GroupConfig
  readonly processes: readonly SupervisedProcess[]
  readonly #byName: ReadonlyMap<string, SupervisedProcess>

  constructor(config: GroupConfig, make: (group: ProcessGroup) => readonly SupervisedProcess[]) {
    this.config = config
    this.processes = make(this)
    this.#byName = new Map(this.processes.map(process => [process.config.name, process]))
  }

  get name(): string {
    return this.config.name
  }

  process(name: string): SupervisedProcess | undefined {
    return this.#byName.get(name)
  }

  /** Low priority numbers first; equal ones in the order of the configuration. */
  byPriority(): SupervisedProcess[] {
    return [...this.processes].sort((a, b) => a.config.priority - b.config.priority)
  }

  isStopped(): boolean {
    return this.processes.every(({ state }) => isStopped(state))
  }

  /** In the order of the list: process priorities do not count here. */
  autostart(): void {
    for (const process of this.processes) if (process.config.autostart) process.start()
  }

  /** The end of the daemon: reverse order of priority, all at once. */
  stopForTheLastTime(): void {
    for (const process of this.byPriority().reverse()) process.stop()
  }
}
