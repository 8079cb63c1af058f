import type { Daemon, Process } from '../daemon/api.ts'
import type { Cancel, Clock } from '../system/system.ts'

/**
 * Watches the processes of a daemon, those of groups that come later, too; what changes in one turn of the event loop is
 * told once. `changed` is null when groups have come or gone, or the daemon has another state.
 */
export class ChangedProcesses {
  readonly #daemon: Daemon
  readonly #clock: Clock
  readonly #tell: (changed: ReadonlySet<Process> | null) => void
  #changed = new Set<Process>()
  #groupsChanged = false
  #telling = false
  #unwatchDaemon: Cancel | null = null
  #unwatchProcesses: readonly Cancel[] = []

  constructor(daemon: Daemon, clock: Clock, tell: (changed: ReadonlySet<Process> | null) => void) {
    this.#daemon = daemon
    this.#clock = clock
    this.#tell = tell
  }

  begin(): void {
    this.#unwatchDaemon = this.#daemon.watch(() => {
      this.#groupsChanged = true
      this.#tellSoon()
    })
    this.#watchProcesses()
  }

  /** What was not told yet never is. */
  end(): void {
    this.#unwatchDaemon?.()
    this.#unwatchDaemon = null
    for (const unwatch of this.#unwatchProcesses) unwatch()
    this.#unwatchProcesses = []
    this.#changed = new Set()
    this.#groupsChanged = false
  }

  #watchProcesses(): void {
    for (const unwatch of this.#unwatchProcesses) unwatch()
    const processes = this.#daemon.groups.flatMap(group => group.processes)
    this.#unwatchProcesses = processes.map(process =>
      process.watch(() => {
        this.#changed.add(process)
        this.#tellSoon()
      }),
    )
  }

  #tellSoon(): void {
    if (this.#telling) return
    this.#telling = true
    this.#clock.defer(() => {
      this.#telling = false
      if (this.#unwatchDaemon === null) return
      const changed = this.#changed
      const all = this.#groupsChanged
      this.#changed = new Set()
      this.#groupsChanged = false
      if (all) this.#watchProcesses()
      this.#tell(all ? null : changed)
    })
  }
}
